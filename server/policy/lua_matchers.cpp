// The Lua functions that build matchers. docs: lua/README.md.
#include <fmt/core.h>

#include <algorithm>

#include "config/nearest.hpp"
#include "policy/lua_arguments.hpp"

namespace valise::policy {
namespace {

constexpr std::size_t most_globs = 64;  // of one From or To
constexpr std::size_t longest_glob = 256;
constexpr std::string_view comparison_names[] = {"<", "<=", "==", ">=", ">"};
// RFC 6121 §4.7.1, §5.2.2; RFC 6120 §8.2.3.
constexpr std::string_view type_names[] = {"chat",      "groupchat",  "headline",    "normal",       "error",
                                           "get",       "set",        "result",      "available",    "unavailable",
                                           "subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe"};

// ---- parties

std::string lower_jid(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c == '/') break;  // a resource keeps its case
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

std::string read_jid(lua_State* lua, const PolicyOptions& options, const std::string& text, std::size_t& globs) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) refuse(lua, "an address with a control character");
  }
  if (text.find('*') != std::string::npos) {
    if (++globs > most_globs) refuse(lua, fmt::format("at most {} patterns with \"*\" in one matcher", most_globs));
    if (text.size() > longest_glob) refuse(lua, fmt::format("a pattern with \"*\" has at most {} bytes", longest_glob));
    return lower_jid(text);
  }
  if (!options.normalise) return lower_jid(text);
  auto normal = options.normalise(text);
  if (!normal) refuse(lua, fmt::format("\"{}\" is not an address", text));
  return std::move(*normal);
}

int party(lua_State* lua, std::string_view name, Party Facts::* field) {
  auto& state = building(lua, name);
  PartySet set;
  std::size_t globs = 0;
  const auto add_jids = [&](const std::vector<std::string>& texts) {
    for (const auto& text : texts) set.jids.push_back(read_jid(lua, state.options, text, globs));
  };
  if (lua_type(lua, 1) != LUA_TTABLE) {
    add_jids({read_text(lua, 1, name)});
    return push_matcher(lua, make_party(name, field, std::move(set)));
  }
  constexpr std::string_view keys[] = {"domain", "accounts"};
  check_keys(lua, 1, name, keys);
  if (lua_getfield(lua, 1, "domain") != LUA_TNIL) {
    for (const auto& text : read_texts(lua, -1, "domain", true)) {
      if (text.find('@') != std::string::npos) refuse(lua, fmt::format("domain=\"{}\": write the domain alone", text));
      set.domains.push_back(read_jid(lua, state.options, text, globs));
    }
  }
  if (lua_getfield(lua, 1, "accounts") != LUA_TNIL) add_jids(read_texts(lua, -1, "accounts", true));
  lua_pop(lua, 2);
  const auto count = lua_rawlen(lua, 1);
  for (lua_Unsigned i = 1; i <= count; ++i) {
    lua_rawgeti(lua, 1, static_cast<lua_Integer>(i));
    add_jids({read_text(lua, -1, name)});
    lua_pop(lua, 1);
  }
  if (set.jids.empty() && set.domains.empty()) refuse(lua, fmt::format("{} without any address matches nothing", name));
  return push_matcher(lua, make_party(name, field, std::move(set)));
}

int from(lua_State* lua) { return party(lua, "From", &Facts::from); }
int to(lua_State* lua) { return party(lua, "To", &Facts::to); }

// ---- single facts

int always(lua_State* lua) {
  building(lua, "Always");
  return push_matcher(lua, make_always());
}

int kind(lua_State* lua) {
  building(lua, "Kind");
  std::vector<Event> events;
  for (const auto& text : read_texts(lua, 1, "Kind")) {
    events.push_back(static_cast<Event>(name_index(lua, text, "Kind", event_names)));
  }
  if (events.size() > 1 && std::ranges::find(events, Event::unsealed) != events.end()) {
    refuse(lua, "Kind: \"unsealed\" stands alone");
  }
  return push_matcher(lua, make_kind(std::move(events)));
}

int direction(lua_State* lua) {
  building(lua, "Direction");
  return push_matcher(lua, make_direction(static_cast<Direction>(read_name(lua, 1, "Direction", direction_names))));
}

int sealed(lua_State* lua) {
  building(lua, "Sealed");
  if (!lua_isnoneornil(lua, 1) && !lua_isboolean(lua, 1)) refuse(lua, "Sealed takes true or false");
  return push_matcher(lua, make_sealed(lua_isnoneornil(lua, 1) || lua_toboolean(lua, 1) != 0));
}

int sealed_mode(lua_State* lua) {
  building(lua, "SealedMode");
  auto values = read_texts(lua, 1, "SealedMode");
  for (const auto& value : values) name_index(lua, value, "SealedMode", mode_names);
  return push_matcher(lua, make_text("SealedMode", [](const Facts& f) { return f.sealed_mode; }, std::move(values)));
}

// What the server says in its errors (docs/sealed.md §5) is a short list that grows: any text is taken.
int unsealed(lua_State* lua) {
  building(lua, "Unsealed");
  return push_matcher(lua,
                      make_text("Unsealed", [](const Facts& f) { return f.unsealed; }, read_texts(lua, 1, "Unsealed")));
}

int omemo(lua_State* lua) {
  building(lua, "OmemoVersion");
  return push_matcher(lua, make_omemo(static_cast<Omemo>(read_name(lua, 1, "OmemoVersion", omemo_names))));
}

int type(lua_State* lua) {
  building(lua, "Type");
  auto values = read_texts(lua, 1, "Type");
  for (const auto& value : values) name_index(lua, value, "Type", type_names);
  return push_matcher(lua, make_text("Type", [](const Facts& f) { return f.type; }, std::move(values)));
}

template <std::string_view Facts::* Field>
int text(lua_State* lua, std::string_view name) {
  building(lua, name);
  return push_matcher(lua, make_text(name, [](const Facts& f) { return f.*Field; }, read_texts(lua, 1, name)));
}
int host(lua_State* lua) { return text<&Facts::host>(lua, "Host"); }
int payload(lua_State* lua) { return text<&Facts::payload>(lua, "Payload"); }
int mechanism(lua_State* lua) { return text<&Facts::mechanism>(lua, "Mechanism"); }
int tls(lua_State* lua) { return text<&Facts::tls>(lua, "TlsVersion"); }

int number(lua_State* lua, std::string_view name, std::uint64_t (*field)(const Facts&)) {
  building(lua, name);
  const auto comparison = static_cast<Comparison>(read_name(lua, 1, name, comparison_names));
  const double bound = read_number(lua, 2, name, 0, 1e15);
  if (bound != static_cast<double>(static_cast<std::uint64_t>(bound)))
    refuse(lua, fmt::format("{} takes a whole number", name));
  return push_matcher(lua, make_number(name, field, comparison, static_cast<std::uint64_t>(bound)));
}
int size(lua_State* lua) {
  return number(lua, "Size", [](const Facts& f) -> std::uint64_t { return f.size; });
}
int keys(lua_State* lua) {
  return number(lua, "Keys", [](const Facts& f) -> std::uint64_t { return f.keys; });
}
int unknown_devices(lua_State* lua) {
  building(lua, "UnknownDevices").counts_unknown_devices = true;
  return number(lua, "UnknownDevices", [](const Facts& f) -> std::uint64_t { return f.unknown_devices; });
}

int has_tag(lua_State* lua) {
  building(lua, "HasTag");
  return push_matcher(lua, make_has_tag(read_texts(lua, 1, "HasTag")));
}

// ---- place, time, rate

int from_texts(lua_State* lua, std::string_view name,
               MatcherPtr (*make)(const std::vector<std::string>&, std::string&)) {
  building(lua, name);
  std::string error;
  auto made = make(read_texts(lua, 1, name), error);
  if (!made) refuse(lua, fmt::format("{}: {}", name, error));
  return push_matcher(lua, std::move(made));
}
int network(lua_State* lua) { return from_texts(lua, "Network", &make_network); }
int hours(lua_State* lua) { return from_texts(lua, "Hours", &make_hours); }
int weekday(lua_State* lua) { return from_texts(lua, "Weekday", &make_weekday); }

int rate(lua_State* lua) {
  auto& state = building(lua, "Rate");
  if (!lua_istable(lua, 1)) refuse(lua, "Rate takes a table: Rate{ per = \"from\", rate = 5, burst = 20 }");
  constexpr std::string_view known[] = {"per", "rate", "burst", "keys"};
  check_keys(lua, 1, "Rate", known);
  constexpr unsigned most_rates = 64;
  if (++state.rates > most_rates) refuse(lua, fmt::format("at most {} Rate matchers", most_rates));
  RateLimit limit;
  lua_getfield(lua, 1, "per");
  limit.per = static_cast<RateKey>(read_name(lua, -1, "per", rate_key_names));
  lua_getfield(lua, 1, "rate");
  limit.rate = read_number(lua, -1, "rate", 0.0001, 1e6);
  lua_getfield(lua, 1, "burst");
  limit.burst = lua_isnil(lua, -1) ? std::max(1.0, limit.rate) : read_number(lua, -1, "burst", 1, 1e6);
  if (lua_getfield(lua, 1, "keys") != LUA_TNIL) {
    limit.keys = static_cast<std::uint32_t>(read_number(lua, -1, "keys", 1, 100'000));
  }
  return push_matcher(lua, make_rate(limit));
}

// ---- combinations

// The parts of a table or of all arguments.
std::vector<const Matcher*> parts(lua_State* lua, std::string_view name) {
  building(lua, name);
  std::vector<const Matcher*> out;
  if (lua_gettop(lua) == 1 && lua_istable(lua, 1)) {
    const auto count = lua_rawlen(lua, 1);
    for (lua_Unsigned i = 1; i <= std::min<lua_Unsigned>(count, Matcher::max_weight + 1); ++i) {
      lua_rawgeti(lua, 1, static_cast<lua_Integer>(i));
      out.push_back(read_matcher(lua, -1));
      lua_pop(lua, 1);
    }
  } else {
    for (int i = 1; i <= lua_gettop(lua); ++i) out.push_back(read_matcher(lua, i));
  }
  if (out.empty()) refuse(lua, fmt::format("{} takes at least one matcher", name));
  return out;
}
int all(lua_State* lua) { return push_matcher(lua, make_all(parts(lua, "All"))); }
int any(lua_State* lua) { return push_matcher(lua, make_any(parts(lua, "Any"))); }
int negation(lua_State* lua) {
  building(lua, "Not");
  return push_matcher(lua, make_not(read_matcher(lua, 1)));
}
// Operators: exactly two operands, one of which may be a function.
int times(lua_State* lua) {
  building(lua, "*");
  return push_matcher(lua, make_all({read_matcher(lua, 1), read_matcher(lua, 2)}));
}
int plus(lua_State* lua) {
  building(lua, "+");
  return push_matcher(lua, make_any({read_matcher(lua, 1), read_matcher(lua, 2)}));
}

int to_string(lua_State* lua) {
  lua_pushstring(lua, (*static_cast<const Matcher* const*>(luaL_checkudata(lua, 1, matcher_type)))->describe().c_str());
  return 1;
}

}  // namespace

void add_matchers(lua_State* lua, PolicySet::State& state) {
  luaL_newmetatable(lua, matcher_type);
  const luaL_Reg behaviour[] = {
      {"__mul", &times}, {"__add", &plus}, {"__unm", &negation}, {"__tostring", &to_string}, {nullptr, nullptr}};
  lua_pushlightuserdata(lua, &state);
  luaL_setfuncs(lua, behaviour, 1);
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_pop(lua, 1);
  const luaL_Reg functions[] = {{"From", &from},
                                {"To", &to},
                                {"Always", &always},
                                {"Kind", &kind},
                                {"Direction", &direction},
                                {"Sealed", &sealed},
                                {"SealedMode", &sealed_mode},
                                {"Unsealed", &unsealed},
                                {"OmemoVersion", &omemo},
                                {"Type", &type},
                                {"Host", &host},
                                {"Payload", &payload},
                                {"Mechanism", &mechanism},
                                {"TlsVersion", &tls},
                                {"Size", &size},
                                {"Keys", &keys},
                                {"UnknownDevices", &unknown_devices},
                                {"HasTag", &has_tag},
                                {"Network", &network},
                                {"Hours", &hours},
                                {"Weekday", &weekday},
                                {"Rate", &rate},
                                {"All", &all},
                                {"Any", &any},
                                {"Not", &negation},
                                {nullptr, nullptr}};
  lua_pushlightuserdata(lua, &state);
  luaL_setfuncs(lua, functions, 1);
}

}  // namespace valise::policy
