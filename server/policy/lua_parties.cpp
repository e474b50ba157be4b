// The Lua functions about who is concerned: addresses, groups, and the files that name them.
#include <fmt/core.h>

#include <algorithm>

#include "base/log.hpp"
#include "config/nearest.hpp"
#include "policy/groups.hpp"
#include "policy/lua_arguments.hpp"
#include "policy/lua_directory.hpp"

namespace valise::policy {
namespace {

constexpr std::size_t longest_pattern = 256;
constexpr std::size_t most_groups = 1000;

// Nothing, and `error` says what is wrong. Also of lines of files, which have a place of their own.
std::optional<std::string> read_jid(const PolicyOptions& options, std::string_view text, std::string& error) {
  const auto fault = [&](std::string what) {
    error = std::move(what);
    return std::nullopt;
  };
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) return fault("an address with a control character");
  }
  if (has_star(text)) {
    if (text.size() > longest_pattern)
      return fault(fmt::format("a pattern with \"*\" has at most {} bytes", longest_pattern));
    return lower_address(text);
  }
  if (!options.normalise) return lower_address(text);
  auto normal = options.normalise(text);
  if (!normal) return fault(fmt::format("\"{}\" is not an address", log::printable(text)));
  return normal;
}

class Reading {
 public:
  Reading(lua_State* lua, const PolicyOptions& options) : lua_(lua), options_(options) {}
  void add_jids(const std::vector<std::string>& texts, std::vector<std::string>& to) const {
    for (const auto& text : texts) {
      std::string error;
      auto jid = read_jid(options_, text, error);
      if (!jid) refuse(lua_, error);
      to.push_back(std::move(*jid));
    }
  }
  void add_domains(const std::vector<std::string>& texts, std::vector<std::string>& to) const {
    for (const auto& text : texts) {
      if (text.find('@') != std::string::npos) refuse(lua_, fmt::format("domain=\"{}\": write the domain alone", text));
    }
    add_jids(texts, to);
  }

 private:
  lua_State* lua_;
  const PolicyOptions& options_;
};

void check_crowd(lua_State* lua, const std::vector<std::string>& texts) {
  if (std::ranges::count_if(texts, has_star) > static_cast<std::ptrdiff_t>(most_alike) &&
      Names(texts).crowd() > most_alike) {
    refuse(lua, fmt::format("at most {} patterns that begin and end alike in one matcher", most_alike));
  }
}

template <Party Facts::* Field>
int party(lua_State* lua) {
  auto& state = building(lua);
  const std::string name(name_of(lua));
  const Reading reading(lua, state.options);
  PartySet set;
  if (lua_type(lua, 1) != LUA_TTABLE) {
    reading.add_jids({read_text(lua, 1, name)}, set.jids);
    return push_matcher(lua, make_party(name, Field, std::move(set)));
  }
  constexpr std::string_view keys[] = {"domain", "accounts"};
  check_keys(lua, 1, name, keys);
  if (lua_getfield(lua, 1, "domain") != LUA_TNIL) {
    reading.add_domains(read_texts(lua, -1, "domain", true), set.domains);
  }
  if (lua_getfield(lua, 1, "accounts") != LUA_TNIL) {
    reading.add_jids(read_texts(lua, -1, "accounts", true), set.jids);
  }
  lua_pop(lua, 2);
  const auto count = lua_rawlen(lua, 1);
  for (lua_Unsigned i = 1; i <= count; ++i) {
    lua_rawgeti(lua, 1, static_cast<lua_Integer>(i));
    reading.add_jids({read_text(lua, -1, name)}, set.jids);
    lua_pop(lua, 1);
  }
  if (set.jids.empty() && set.domains.empty()) refuse(lua, fmt::format("{} without any address matches nothing", name));
  check_crowd(lua, set.jids);
  check_crowd(lua, set.domains);
  return push_matcher(lua, make_party(name, Field, std::move(set)));
}

// ---- groups

const Group& named_group(lua_State* lua, const std::string& name) {
  return state_of(lua).groups.named(name, caller_place(lua));
}

const Matcher* keep(lua_State* lua, MatcherPtr matcher) {
  push_matcher(lua, std::move(matcher));
  lua_pop(lua, 1);
  return state_of(lua).matchers.back().get();
}
const Matcher* from_group(lua_State* lua, const Group& group) {
  return keep(lua, make_in_group("FromGroup", &Facts::from, group));
}
const Matcher* to_group(lua_State* lua, const Group& group) {
  return keep(lua, make_in_group("ToGroup", &Facts::to, group));
}

// Of one group itself, of several that one of them fits.
template <Party Facts::* Field>
int in_group(lua_State* lua) {
  building(lua);
  std::vector<const Matcher*> parts;
  for (const auto& name : read_texts(lua, 1, name_of(lua))) {
    parts.push_back(keep(lua, make_in_group(name_of(lua), Field, named_group(lua, name))));
  }
  if (parts.size() == 1) {
    *static_cast<const Matcher**>(lua_newuserdatauv(lua, sizeof(void*), 0)) = parts.front();
    luaL_setmetatable(lua, matcher_type);
    return 1;
  }
  return push_matcher(lua, make_any(std::move(parts)));
}

int entering(lua_State* lua) {
  building(lua);
  const auto& group = named_group(lua, read_text(lua, 1, "Entering"));
  return push_matcher(lua, make_all({to_group(lua, group), keep(lua, make_not(from_group(lua, group)))}));
}

int leaving(lua_State* lua) {
  building(lua);
  const auto& group = named_group(lua, read_text(lua, 1, "Leaving"));
  return push_matcher(lua, make_all({from_group(lua, group), keep(lua, make_not(to_group(lua, group)))}));
}

// From one of the groups to another of them.
int crossing(lua_State* lua) {
  building(lua);
  const auto names = read_texts(lua, 1, "Crossing");
  constexpr std::size_t most = 32;
  if (names.size() < 2 || names.size() > most) refuse(lua, fmt::format("Crossing takes 2 to {} groups", most));
  std::vector<const Matcher*> ways;
  for (const auto& name : names) {
    const auto& group = named_group(lua, name);
    std::vector<const Matcher*> others;
    for (const auto& other : names) {
      if (other == name) continue;
      const auto& beyond = named_group(lua, other);
      others.push_back(keep(lua, make_all({to_group(lua, beyond), keep(lua, make_not(from_group(lua, beyond)))})));
    }
    if (others.empty()) refuse(lua, "Crossing takes different groups");
    // Who is of both stays within one of them, whether he writes or is written to.
    ways.push_back(keep(lua, make_all({from_group(lua, group), keep(lua, make_not(to_group(lua, group))),
                                       keep(lua, make_any(std::move(others)))})));
  }
  return push_matcher(lua, make_any(std::move(ways)));
}

// The file's lines; an error that names the policy's line.
std::vector<FileLine> read_lines(lua_State* lua, const std::string& name, std::shared_ptr<const std::string>& text) {
  auto read = state_of(lua).beside().read(name);
  if (!read) refuse(lua, read.error().message());
  text = std::move(*read);
  return lines_of(*text);
}

void add_file(lua_State* lua, const std::string& written, PartySet& set) {
  const auto name = beside_caller(lua, written);
  std::shared_ptr<const std::string> text;
  for (const auto& line : read_lines(lua, name, text)) {
    std::string error;
    if (line.text.find('/') != std::string_view::npos) error = "a group has bare addresses: nothing behind \"/\"";
    if (line.text.find_first_of(" \t") != std::string_view::npos) error = "one address or domain a line";
    auto jid = error.empty() ? read_jid(state_of(lua).options, line.text, error) : std::nullopt;
    if (!jid) refuse(lua, PolicyError{state_of(lua).beside().path_of(name), line.number, error});
    (line.text.find('@') == std::string_view::npos ? set.domains : set.jids).push_back(std::move(*jid));
  }
}

// Members that the store or a directory names.
void add_sources(lua_State* lua, Group& made) {
  auto& state = state_of(lua);
  const auto add = [&](LiveSource source) { made.sources.push_back(std::make_unique<Group::Live>(std::move(source))); };
  if (lua_getfield(lua, 1, "stored") != LUA_TNIL && read_bool(lua, -1, "stored")) {
    add({.members = state.options.live->stored(made.name), .search = {}});
  }
  if (lua_getfield(lua, 1, "ldap") != LUA_TNIL) add(read_directory(lua, state));
  lua_pop(lua, 2);
}

// group{ name = "…", members = {…}, domain = {…}, includes = {…}, file = "…", stored = true, ldap = {…} }
int group(lua_State* lua) {
  auto& state = building(lua);
  if (!lua_istable(lua, 1)) refuse(lua, "group takes a table: group{ name = \"…\", members = { … } }");
  constexpr std::string_view keys[] = {"name", "members", "domain", "includes", "file", "stored", "ldap"};
  check_keys(lua, 1, "group", keys);
  if (lua_rawlen(lua, 1) != 0) refuse(lua, "group: write members = { … }");
  lua_getfield(lua, 1, "name");
  const auto name = read_person_text(lua, -1, "a group's name");
  auto place = caller_place(lua);
  place.line = std::max(1u, place.line);
  if (state.groups.names().size() >= most_groups) refuse(lua, fmt::format("at most {} groups", most_groups));
  auto& made = state.groups.named(name, place);
  if (made.made.line != 0) {
    refuse(lua, fmt::format("group \"{}\" exists already, in {}", name, place_text(lua, made.made)));
  }
  made.made = place;
  made.file = state.files[place.file].path;
  const Reading reading(lua, state.options);
  if (lua_getfield(lua, 1, "members") != LUA_TNIL) {
    reading.add_jids(read_texts(lua, -1, "members", true), made.own.jids);
    for (const auto& jid : made.own.jids) {
      if (jid.find('/') != std::string::npos) refuse(lua, "a group has bare addresses: nothing behind \"/\"");
    }
  }
  if (lua_getfield(lua, 1, "domain") != LUA_TNIL) {
    reading.add_domains(read_texts(lua, -1, "domain", true), made.own.domains);
  }
  if (lua_getfield(lua, 1, "file") != LUA_TNIL) add_file(lua, read_text(lua, -1, "file"), made.own);
  if (lua_getfield(lua, 1, "includes") != LUA_TNIL) {
    made.includes = read_texts(lua, -1, "includes");
    for (const auto& included : made.includes) (void)state.groups.named(included, place);
  }
  add_sources(lua, made);
  return 0;
}

// lines("blocked.txt"): its lines as a list of texts.
int lines(lua_State* lua) {
  building(lua);
  std::shared_ptr<const std::string> text;
  const auto read = read_lines(lua, beside_caller(lua, read_text(lua, 1, "lines")), text);
  lua_createtable(lua, static_cast<int>(read.size()), 0);
  for (std::size_t i = 0; i < read.size(); ++i) {
    state_of(lua).sandbox.charge(1);
    lua_pushlstring(lua, read[i].text.data(), read[i].text.size());
    lua_rawseti(lua, -2, static_cast<lua_Integer>(i + 1));
  }
  return 1;
}

// m:in_group("from", "name")
int facts_in_group(lua_State* lua) {
  luaL_checkudata(lua, 1, facts_type);
  constexpr std::string_view sides[] = {"from", "to"};
  const auto side = read_name(lua, 2, "in_group", sides);
  const auto& state = deciding(lua, sides[side]);
  const auto name = read_text(lua, 3, "in_group");
  const auto* found = state.groups.find(name);
  if (found == nullptr) {
    refuse(lua, fmt::format("there is no group \"{}\"{}", log::printable(name),
                            config::nearest_hint(name, state.groups.names())));
  }
  if (found->is_live() && state.watcher != nullptr) state.watcher->reads(live_group_fact);
  std::optional<Hashed> bare, domain;
  const auto is_member =
      found->ask(side == 0 ? state.facts->from : state.facts->to, state.facts->now_ms, state.only_looks, bare, domain);
  if (is_member == Membership::unknown) refuse(lua, found->why_unknown());
  lua_pushboolean(lua, is_member == Membership::yes);
  return 1;
}

constexpr std::string_view addresses = "jid | {jid, …, domain = …, accounts = …}";

const Function parties[] = {
    {"From", &party<&Facts::from>, addresses,
     "the sender: bare or (with `/`) full JIDs, everybody of a domain, a list or set of accounts. `*` stands for any "
     "characters. `From(\"example.org\")` is the domain's own address"},
    {"To", &party<&Facts::to>, addresses, "the recipient, likewise"},
    {"FromGroup", &in_group<&Facts::from>, "group | {group, …}", "the sender is of that `group`, or one of these"},
    {"ToGroup", &in_group<&Facts::to>, "group | {group, …}", "the recipient, likewise"},
    {"Entering", &entering, "group", "to somebody of the group, from somebody who is not"},
    {"Leaving", &leaving, "group", "from somebody of the group to somebody who is not"},
    {"Crossing", &crossing, "{group, group, …}",
     "from one of the groups to another of them; who is of both crosses nothing between the two"},
};
const Function making[] = {
    {"group", &group, "{ name =, members =, domain =, includes =, file =, stored =, ldap = }",
     "makes a group of bare addresses (a list or a set), domains, other groups, which may come later in the file, a "
     "text file beside this one with an address or a domain a line; `stored = true`: of addresses in the store, "
     "which "
     "`valisectl group` changes; `ldap = { … }`: of addresses in a directory (below)"},
    {"lines", &lines, "\"file\"",
     "the lines of a text file beside this one as a list of texts, without what stands behind `#`"},
};
const Function methods[] = {
    {"in_group", &facts_in_group, "\"from\" | \"to\", group", "whether that party is of the group"},
};

}  // namespace

std::span<const Function> party_functions() { return parties; }
std::span<const Function> group_functions() { return making; }
std::span<const Function> party_methods() { return methods; }

}  // namespace valise::policy
