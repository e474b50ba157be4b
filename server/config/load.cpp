#include "config/load.hpp"

#include <fmt/core.h>

#include <lua.hpp>
#include <map>

#include "base/log.hpp"
#include "config/nearest.hpp"
#include "config/sandbox/sandbox.hpp"
#include "config/secret_file.hpp"
#include "config/value_from_lua.hpp"

namespace valise::config {
namespace {

constexpr std::size_t max_errors = 100;
constexpr std::size_t max_path = 256;
constexpr const char* node_type = "valise.option";

// What a global name or `a.b` evaluates to while it is not yet an option: a path, for one host or for all.
struct Node {
  enum class Kind : std::uint8_t { group, hosts };
  Kind kind = Kind::group;
  std::string host;  // empty: server-wide
  std::string path;  // empty: the root
};

// RFC 6120 §2.2: a domain; here in the form that stanzas carry after normalisation. Empty if it cannot be one.
std::string host_name(std::string_view text) {
  std::string out;
  if (text.empty() || text.size() > 1023 || text.front() == '.' || text.back() == '.') return {};
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f || std::string_view("@/\"'\\<>&*?").find(c) != std::string_view::npos) return {};
    out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  return out;
}

class Loader {
 public:
  Loader(std::string name, const Registry& registry, const LoadLimits& limits)
      : name_(std::move(name)),
        registry_(registry),
        builder_(name_, registry.options()),
        limits_(limits),
        sandbox_(limits.heap) {}

  LoadResult run(std::string_view source) {
    push_environment();
    if (auto compiled = sandbox_.compile(source); !compiled) {
      add_error(compiled.error().line, compiled.error().text);
      return std::unexpected(std::move(errors_));
    }
    sandbox_.start_load_clock(limits_.wall_us);
    const Budget budget{.instructions = limits_.instructions, .memory = 0, .wall_us = limits_.wall_us};
    if (auto done = sandbox_.call(0, 0, budget); !done) add_error(done.error().line, done.error().text);
    if (!errors_.empty()) return std::unexpected(std::move(errors_));
    return builder_.finish();
  }

 private:
  static Loader& of(lua_State* lua) { return *static_cast<Loader*>(lua_touserdata(lua, lua_upvalueindex(1))); }

  void add_error(unsigned line, std::string text) { errors_.push_back({name_, line, std::move(text)}); }

  // An error that does not end the run: the next statement may have its own.
  void report(lua_State* lua, std::string text) {
    add_error(line_of(lua), std::move(text));
    if (errors_.size() >= max_errors) luaL_error(lua, "too many errors");
  }

  static unsigned line_of(lua_State* lua) {
    lua_Debug where{};
    if (lua_getstack(lua, 1, &where) == 0 || lua_getinfo(lua, "l", &where) == 0 || where.currentline < 0) return 0;
    return static_cast<unsigned>(where.currentline);
  }

  void push_environment();
  void push_node(lua_State* lua, Node node);
  std::string hint(std::string_view path) const { return nearest_hint(path, registry_.names()); }
  void assign(lua_State* lua, const Node& group, const std::string& path);

  static int index(lua_State* lua);
  static int new_index(lua_State* lua);
  static int misused(lua_State* lua);

  std::string name_;
  const Registry& registry_;
  SnapshotBuilder builder_;
  std::vector<ConfigError> errors_;
  std::vector<Node> nodes_;
  std::map<std::pair<std::string, std::string>, std::size_t> node_of_;
  LoadLimits limits_;
  Sandbox sandbox_;
};

const Node& node_at(lua_State* lua, const std::vector<Node>& nodes, int index) {
  return nodes[*static_cast<std::size_t*>(luaL_checkudata(lua, index, node_type))];
}

void Loader::push_node(lua_State* lua, Node node) {
  constexpr std::size_t most = 10'000;
  auto key = std::pair(node.host, node.kind == Node::Kind::hosts ? std::string("host") : node.path);
  auto found = node_of_.find(key);
  if (found == node_of_.end()) {
    if (nodes_.size() >= most) luaL_error(lua, "too many names");
    found = node_of_.emplace(std::move(key), nodes_.size()).first;
    nodes_.push_back(std::move(node));
  }
  *static_cast<std::size_t*>(lua_newuserdatauv(lua, sizeof(std::size_t), 0)) = found->second;
  luaL_setmetatable(lua, node_type);
}

// `root.name`, `group.name`, `host["example.org"]`.
int Loader::index(lua_State* lua) {
  auto& self = of(lua);
  const Node node = node_at(lua, self.nodes_, 1);
  if (lua_type(lua, 2) != LUA_TSTRING) return luaL_error(lua, "names are text, not a %s", luaL_typename(lua, 2));
  const std::string key = lua_tostring(lua, 2);
  if (key.size() > max_path) return luaL_error(lua, "a name of more than 256 characters");
  if (node.kind == Node::Kind::hosts) {
    auto host = host_name(key);
    if (host.empty()) return luaL_error(lua, "not a host name: \"%s\"", log::printable(key).c_str());
    self.push_node(lua, {Node::Kind::group, std::move(host), {}});
    return 1;
  }
  if (node.path.empty() && node.host.empty()) {
    lua_pushvalue(lua, 2);
    lua_rawget(lua, lua_upvalueindex(2));
    if (!lua_isnil(lua, -1)) return 1;
    if (key == "host") {
      self.push_node(lua, {Node::Kind::hosts, {}, {}});
      return 1;
    }
  }
  auto path = node.path.empty() ? key : node.path + "." + key;
  if (path.size() > max_path) return luaL_error(lua, "a name of more than 256 characters");
  if (const auto* option = self.registry_.find(path)) {
    const auto& snapshot = self.builder_.peek();
    push_value(lua, node.host.empty() ? snapshot.value(*option) : snapshot.value(*option, node.host));
    return 1;
  }
  self.push_node(lua, {Node::Kind::group, node.host, std::move(path)});
  return 1;
}

int Loader::new_index(lua_State* lua) {
  auto& self = of(lua);
  const Node node = node_at(lua, self.nodes_, 1);
  if (lua_type(lua, 2) != LUA_TSTRING) {
    self.report(lua, fmt::format("an option's name is text, not a {}", luaL_typename(lua, 2)));
    return 0;
  }
  const std::string key = lua_tostring(lua, 2);
  if (node.kind == Node::Kind::hosts) {
    const auto host = host_name(key);
    if (host.empty()) {
      self.report(lua, "not a host name: \"" + log::printable(key) + "\"");
    } else if (lua_istable(lua, 3) && (lua_pushnil(lua), lua_next(lua, 3) == 0)) {
      self.builder_.add_host(host, line_of(lua));  // host["example.org"] = {}
    } else {
      self.report(lua,
                  fmt::format("set a host's options one by one: host[\"{}\"].archive.enabled = true; {{}} declares "
                              "a host without any",
                              host));
    }
    return 0;
  }
  self.assign(lua, node, node.path.empty() ? key : node.path + "." + key);
  return 0;
}

// Value at stack index 3.
void Loader::assign(lua_State* lua, const Node& group, const std::string& path) {
  if (!group.host.empty()) builder_.add_host(group.host, line_of(lua));
  const auto written = group.host.empty() ? path : fmt::format("host[\"{}\"].{}", group.host, path);
  const auto* option = registry_.find(path);
  if (option == nullptr) {
    if (path == "host" || registry_.is_group(path)) {
      report(lua,
             fmt::format("\"{}\" is a group: set its options one by one, as in {}.name = value", written, written));
    } else {
      report(lua, fmt::format("unknown option \"{}\"{}", log::printable(path), hint(path)));
    }
    return;
  }
  if (!group.host.empty() && option->scope == Scope::server) {
    report(lua, fmt::format("\"{}\" holds for the whole server; it cannot be set for one host", path));
    return;
  }
  if (const auto* node = static_cast<const std::size_t*>(luaL_testudata(lua, 3, node_type))) {
    const auto& name = nodes_[*node].path;
    report(lua, fmt::format("\"{}\" is set to \"{}\", which is not a value{}", written, log::printable(name),
                            registry_.is_group(name) ? "" : hint(name)));
    return;
  }
  auto value = value_from_lua(lua, 3, *option);
  if (!value) {
    report(lua, fmt::format("\"{}\" {}", written, value.error()));
    return;
  }
  const unsigned line = line_of(lua);
  if (const auto earlier = builder_.set(*option, group.host, std::move(*value), line); earlier != 0) {
    report(lua, fmt::format("\"{}\" is set twice: in line {} and here", written, earlier));
  }
}

// Arithmetic on, calls of, comparisons with a name that is no option: `60 * KB`, `second(60)`.
int Loader::misused(lua_State* lua) {
  auto& self = of(lua);
  for (int i = 1; i <= std::min(lua_gettop(lua), 2); ++i) {
    const auto* node = static_cast<const std::size_t*>(luaL_testudata(lua, i, node_type));
    if (node == nullptr) continue;
    const std::string& path = self.nodes_[*node].path;
    std::vector<std::string_view> names(self.registry_.names());
    lua_pushnil(lua);
    while (lua_next(lua, lua_upvalueindex(2)) != 0) {
      lua_pop(lua, 1);
      names.push_back(lua_tostring(lua, -1));  // keys live in the table
    }
    const auto text = self.registry_.is_group(path)
                          ? fmt::format("\"{}\" is a group of options, not a value", path)
                          : fmt::format("unknown name \"{}\"{}", log::printable(path), nearest_hint(path, names));
    return luaL_error(lua, "%s", text.c_str());
  }
  return luaL_error(lua, "not a value");
}

// Leaves on the stack what the chunk has for globals: the root node.
void Loader::push_environment() {
  lua_State* lua = sandbox_.state();
  luaL_newmetatable(lua, node_type);
  lua_pushlightuserdata(lua, this);
  sandbox_.push_libraries();
  push_helpers(lua);
  const luaL_Reg behaviour[] = {
      {"__index", &index}, {"__newindex", &new_index}, {"__call", &misused}, {"__add", &misused},
      {"__sub", &misused}, {"__mul", &misused},        {"__div", &misused},  {"__mod", &misused},
      {"__pow", &misused}, {"__idiv", &misused},       {"__unm", &misused},  {"__concat", &misused},
      {"__len", &misused}, {"__lt", &misused},         {"__le", &misused},   {nullptr, nullptr}};
  luaL_setfuncs(lua, behaviour, 2);
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_pop(lua, 1);
  push_node(lua, {});
}

}  // namespace

std::string ConfigError::message() const {
  return line == 0 ? fmt::format("{}: {}", file, text) : fmt::format("{}:{}: {}", file, line, text);
}

LoadResult load_text(std::string_view source, const std::string& name, const Registry& registry,
                     const LoadLimits& limits) {
  return Loader(name, registry, limits).run(source);
}

LoadResult load(const std::string& path, const Registry& registry) {
  const auto source = read_trusted_file(path, Sandbox::max_source);
  if (!source) {
    auto text = source.error().text;
    if (text.starts_with(path + ": ")) text.erase(0, path.size() + 2);
    return std::unexpected(std::vector{ConfigError{path, 0, std::move(text)}});
  }
  return load_text(*source, path, registry);
}

}  // namespace valise::config
