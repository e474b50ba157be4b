// What group{ ldap = { … } } says of a directory, read and checked.
#include <fmt/core.h>

#include <filesystem>

#include "base/clock.hpp"
#include "policy/groups.hpp"
#include "policy/ldap_syntax.hpp"
#include "policy/lua_arguments.hpp"
#include "policy/lua_directory.hpp"

namespace valise::policy {
namespace {

constexpr DirectoryKey all_keys[] = {
    {"uri", "required; `ldaps://host`, `ldap://host` (with StartTLS) or `ldapi://%2Fpath%2Fof%2Fsocket`: one server"},
    {"base", "required; where it is searched, and below"},
    {"filter", "required; which entries (RFC 4515)"},
    {"attribute",
     "required; which of their values are the addresses, such as `mail`; what is no bare address is left out, and "
     "counted"},
    {"bind_dn", "who asks; without it nobody logs in there"},
    {"password_file", "with `bind_dn`: a file that nobody else can read, with its whole path or beside this one"},
    {"ca_file",
     "required with TLS: the authority that the server's certificate has to be of; its name is compared, too"},
    {"tls", "`\"none\"`: without TLS, of an address of this machine alone (`127.…`, `[::1]`, `ldapi://`)"},
    {"timeout", "so long it may take to be reached, and again to answer: `\"10s\"` (1 s to 5 min)"},
    {"refresh", "how often it is asked: `\"10m\"` (1 s to a day)"},
    {"keep_for", "so long the last answer holds when another one is overdue: `\"1h\"` (0 to a year)"},
    {"when_silent",
     "what holds then, and until the first answer: `\"fail\"`: a rule that asks fails, and refuses; "
     "`\"nobody\"`: nobody is a member; `\"member\"`: everybody is"},
};
constexpr std::size_t most_directories = 32;  // each has a thread

// Reads the keys of the table on top of the stack.
class DirectoryTable {
 public:
  explicit DirectoryTable(lua_State* lua) : lua_(lua) {}

  [[noreturn]] void fault(std::string_view key, std::string_view what) const {
    refuse(lua_, fmt::format("ldap: {}: {}", key, what));
  }
  std::string text(const char* key, bool wanted) const {
    std::string out;
    if (lua_getfield(lua_, -1, key) != LUA_TNIL) {
      out = read_text(lua_, -1, fmt::format("ldap: {}", key));
    } else if (wanted) {
      refuse(lua_, fmt::format("ldap has no {}: {}", key, example));
    }
    lua_pop(lua_, 1);
    return out;
  }
  std::string checked(const char* key, bool wanted, std::string (*fault_of)(std::string_view)) const {
    auto out = text(key, wanted);
    if (out.empty()) return out;
    if (const auto why = fault_of(out); !why.empty()) fault(key, why);
    return out;
  }
  std::int64_t duration(const char* key, std::int64_t otherwise_ms, std::int64_t least_ms, std::int64_t most_ms) const {
    auto out = otherwise_ms;
    if (lua_getfield(lua_, -1, key) != LUA_TNIL) out = read_duration(lua_, -1, fmt::format("ldap: {}", key));
    lua_pop(lua_, 1);
    if (out < least_ms || out > most_ms) {
      fault(key, fmt::format("a time from {} to {} seconds is wanted", least_ms / 1000, most_ms / 1000));
    }
    return out;
  }
  // A file with its whole path, or beside the caller's.
  std::string file(const char* key) const {
    const auto name = text(key, false);
    if (name.empty() || name.starts_with('/')) return name;
    auto& state = state_of(lua_);
    if (!state.beside().has_folder()) fault(key, "this policy has no folder: name the file with its whole path");
    const std::filesystem::path caller(state.files[caller_place(lua_).file].name);
    return state.beside().path_of((caller.parent_path() / name).string());
  }

 private:
  static constexpr std::string_view example =
      "ldap = { uri = \"ldaps://ldap.example.org\", base = \"dc=example,dc=org\", filter = \"(memberOf=…)\", "
      "attribute = \"mail\", ca_file = \"…\" }";
  lua_State* lua_;
};

DirectorySearch::Security security_of(const DirectoryTable& reading, const DirectorySearch& search,
                                      const LdapUri& uri) {
  using enum DirectorySearch::Security;
  const auto wish = reading.text("tls", false);
  if (!wish.empty() && wish != "none") reading.fault("tls", "it can only be \"none\": else there is TLS");
  const bool socket = uri.scheme == LdapUri::Scheme::ldapi;
  if (!wish.empty() && uri.scheme == LdapUri::Scheme::ldaps) reading.fault("tls", "ldaps:// is TLS");
  if (!wish.empty() && !socket && !uri.loopback) {
    reading.fault("tls", "without TLS only an address of this machine is asked: 127.0.0.1, [::1] or ldapi://");
  }
  if (socket || !wish.empty()) {
    if (!search.ca_file.empty()) reading.fault("ca_file", "there is no TLS that it could check");
    return none;
  }
  if (search.ca_file.empty()) {
    reading.fault("ca_file", "name the file with the authority's certificate that the server has to have one of");
  }
  return uri.scheme == LdapUri::Scheme::ldaps ? tls : start_tls;
}

}  // namespace

std::span<const DirectoryKey> directory_keys() { return all_keys; }

LiveSource read_directory(lua_State* lua, PolicySet::State& state) {
  if (!lua_istable(lua, -1)) refuse(lua, "ldap takes a table: ldap = { uri = \"…\", base = \"…\", filter = \"…\" }");
  std::vector<std::string_view> known;
  for (const auto& key : all_keys) known.push_back(key.name);
  check_keys(lua, -1, "ldap", known);
  if (state.groups.directories() >= most_directories) {
    refuse(lua, fmt::format("at most {} groups of directories", most_directories));
  }
  const DirectoryTable reading(lua);
  LiveSource source;
  auto& search = source.search.emplace();
  LdapUri uri;
  search.uri = reading.text("uri", true);
  if (const auto why = read_ldap_uri(search.uri, uri); !why.empty()) reading.fault("uri", why);
  search.base = reading.checked("base", true, &dn_fault);
  search.filter = reading.checked("filter", true, &filter_fault);
  search.attribute = reading.checked("attribute", true, &attribute_fault);
  search.bind_dn = reading.checked("bind_dn", false, &dn_fault);
  search.password_file = reading.file("password_file");
  if (search.bind_dn.empty() != search.password_file.empty()) {
    reading.fault("bind_dn", "bind_dn and password_file go together");
  }
  search.ca_file = reading.file("ca_file");
  search.security = security_of(reading, search, uri);
  search.timeout_ms = reading.duration("timeout", 10'000, 1'000, 300'000);
  search.refresh_ms = reading.duration("refresh", 600'000, 1'000, day_ms);
  const auto keep_ms = reading.duration("keep_for", 3'600'000, 0, 366 * day_ms);
  // An answer is replaced after `refresh` and the time that asking may take, before anything is amiss.
  source.holds_ms = search.refresh_ms + 2 * search.timeout_ms + keep_ms;
  if (lua_getfield(lua, -1, "when_silent") != LUA_TNIL) {
    source.when_silent = static_cast<WhenSilent>(read_name(lua, -1, "ldap: when_silent", when_silent_names));
  }
  lua_pop(lua, 1);
  source.members = state.options.live->directory(search);
  return source;
}

}  // namespace valise::policy
