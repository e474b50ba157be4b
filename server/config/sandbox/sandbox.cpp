#include "config/sandbox/sandbox.hpp"

#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <lua.hpp>
#include <new>
#include <optional>

#include "base/log.hpp"

namespace valise::config {
namespace {

constexpr std::string_view chunk_name = "lua";     // short, so that Lua never cuts the place; the caller knows the file
constexpr std::size_t least_garbage = 256u << 10;  // between two cycles of the collector
constexpr std::size_t most_garbage = 4u << 20;
constexpr std::size_t small_block = 256;

std::int64_t clock_ns(clockid_t which) noexcept {
  timespec now{};
  clock_gettime(which, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

const char* overrun_text(Overrun what) {
  switch (what) {
    case Overrun::instructions:
      return "the instruction budget is used up";
    case Overrun::memory:
      return "the memory budget is used up";
    case Overrun::time:
      return "the time budget is used up";
    case Overrun::none:
      break;
  }
  return "";
}

// The number in front; nothing: there is none.
std::optional<unsigned> take_digits(std::string_view& text) noexcept {
  std::size_t at = 0;
  unsigned number = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9' && number < 100'000'000) {
    number = number * 10 + static_cast<unsigned>(text[at++] - '0');
  }
  if (at == 0) return std::nullopt;
  text.remove_prefix(at);
  return number;
}

int refuse_write(lua_State* lua) { return luaL_error(lua, "this table is read-only"); }

}  // namespace

Sandbox::Sandbox(std::size_t heap_limit) : heap_limit_(heap_limit) {
  state_ = lua_newstate(&Sandbox::allocate, this);
  if (state_ == nullptr) throw std::bad_alloc();
  *static_cast<Sandbox**>(lua_getextraspace(state_)) = this;
  lua_atpanic(state_, [](lua_State*) -> int {
    log::error("lua", "an error escaped every protected call");
    std::abort();
  });
}

Sandbox::~Sandbox() { lua_close(state_); }

Sandbox& Sandbox::of(lua_State* lua) noexcept { return **static_cast<Sandbox**>(lua_getextraspace(lua)); }

void Sandbox::push_libraries() {
  libraries::push_base(state_);
  const auto library = [this](const char* name, void (*push)(lua_State*)) {
    push(state_);
    protect_table();
    lua_setfield(state_, -2, name);
  };
  library("string", &libraries::push_string);  // once a state
  library("table", &libraries::push_table);
  library("math", &libraries::push_math);
}

void Sandbox::protect_table() {
  lua_newtable(state_);
  lua_createtable(state_, 0, 3);
  lua_pushvalue(state_, -3);
  lua_setfield(state_, -2, "__index");
  lua_pushcfunction(state_, &refuse_write);
  lua_setfield(state_, -2, "__newindex");
  lua_pushboolean(state_, 0);
  lua_setfield(state_, -2, "__metatable");
  lua_setmetatable(state_, -2);
  lua_remove(state_, -2);
}

std::expected<void, LuaError> Sandbox::compile(std::string_view source, unsigned chunk) {
  if (source.size() > max_source) {
    lua_pop(state_, 1);
    return std::unexpected(LuaError{0, "the file is longer than 1 MiB", Overrun::none, chunk});
  }
  const auto name = fmt::format("={}{}", chunk_name, chunk == 0 ? std::string() : std::to_string(chunk));
  if (luaL_loadbufferx(state_, source.data(), source.size(), name.c_str(), "t") != LUA_OK) {
    auto error = take_error();
    lua_pop(state_, 1);
    return std::unexpected(std::move(error));
  }
  lua_insert(state_, -2);
  lua_setupvalue(state_, -2, 1);  // a chunk's first upvalue is its _ENV
  return {};
}

void Sandbox::start_clock(std::uint64_t wall_us) noexcept {
  wall_ns_ = static_cast<std::int64_t>(wall_us) * 1000;
  deadline_ns_ = clock_ns(CLOCK_MONOTONIC) + wall_ns_;
  last_ns_ = std::numeric_limits<std::int64_t>::max();
  cpu_deadline_ns_ = 0;
}

void Sandbox::start_load_clock(std::uint64_t us) noexcept {
  start_clock(us);
  last_ns_ = deadline_ns_ + wall_ns_;
  cpu_deadline_ns_ = clock_ns(CLOCK_THREAD_CPUTIME_ID) + wall_ns_;
}

std::expected<void, LuaError> Sandbox::call(int arguments, int results, const Budget& budget) {
  overrun_ = Overrun::none;
  instructions_left_ = budget.instructions;
  charged_ = 0;
  memory_counted_ = budget.memory != 0;
  memory_left_ = memory_debt_ = budget.memory;
  if (memory_counted_) lua_gc(state_, LUA_GCSTOP);
  arm(hook_interval);
  calling_ = true;
  const int status = lua_pcall(state_, arguments, results, 0);
  calling_ = false;
  if (status == LUA_OK) {
    if (overrun_ == Overrun::none) return {};
    // The budget went with the last instruction: the result stands on nothing that may be trusted.
    lua_settop(state_, lua_gettop(state_) - results);
    return std::unexpected(LuaError{0, overrun_text(overrun_), overrun_});
  }
  if (status != LUA_ERRRUN && status != LUA_ERRERR && overrun_ == Overrun::none) overrun_ = Overrun::memory;
  return std::unexpected(take_error());
}

void Sandbox::collect() {
  if (!collecting_ && used_ < collect_at_) return;
  // "4" is about 25,000 slots: a small heap in one step, more than a call can allocate in any case.
  collecting_ = lua_gc(state_, LUA_GCSTEP, 4) == 0;
  if (!collecting_) collect_at_ = used_ + std::clamp(used_ / 2, least_garbage, most_garbage);
}

void Sandbox::charge(std::uint64_t work) {
  if (!calling_) return;
  if (overrun_ != Overrun::none) raise();
  if (work >= instructions_left_) overrun(Overrun::instructions);
  instructions_left_ -= work;
  charged_ += work;
  if (charged_ < 256) return;
  charged_ = 0;
  if (out_of_time()) overrun(Overrun::time);
}

std::shared_ptr<const Pattern> Sandbox::pattern(std::string_view text) {
  constexpr std::size_t cached_patterns = 64;
  constexpr std::size_t longest = 4096;
  const auto found = patterns_.find(text);
  if (found != patterns_.end()) return found->second;
  charge(text.size() * 8);
  auto compiled = text.size() > longest ? fail(ErrorCode::limit, "pattern too long") : Pattern::compile(text);
  if (!compiled) luaL_error(state_, "%s", compiled.error().text.c_str());
  if (patterns_.size() >= cached_patterns) patterns_.clear();
  auto made = std::make_shared<const Pattern>(std::move(*compiled));
  patterns_.emplace(std::string(text), made);
  return made;
}

void Sandbox::overrun(Overrun what) {
  note(what);
  raise();
}

void Sandbox::note(Overrun what) noexcept {
  if (overrun_ == Overrun::none) overrun_ = what;
  arm(1);
}

void Sandbox::raise(int level) {
  luaL_where(state_, level);
  lua_pushstring(state_, overrun_text(overrun_));
  lua_concat(state_, 2);
  lua_error(state_);
  std::abort();  // lua_error does not return
}

void Sandbox::arm(int interval) noexcept { lua_sethook(state_, &Sandbox::hook, LUA_MASKCOUNT, interval); }

void Sandbox::hook(lua_State* lua, lua_Debug*) {
  auto& self = of(lua);
  if (!self.calling_) return;
  if (self.overrun_ == Overrun::none) {
    if (self.instructions_left_ <= hook_interval) {
      self.note(Overrun::instructions);
    } else {
      self.instructions_left_ -= hook_interval;
      if (self.out_of_time()) self.note(Overrun::time);
    }
  }
  if (self.overrun_ != Overrun::none) self.raise(0);
}

// The wall's deadline alone would punish a call that the kernel took off the processor: once it has passed, the call
// has the same time again, counted on the thread's own processor clock (which costs a system call to read). Loading
// counts on that clock from its start.
bool Sandbox::out_of_time() noexcept {
  const auto now = clock_ns(CLOCK_MONOTONIC);
  if (now < deadline_ns_) return false;
  if (now >= last_ns_) return true;
  if (cpu_deadline_ns_ == 0) {
    cpu_deadline_ns_ = clock_ns(CLOCK_THREAD_CPUTIME_ID) + wall_ns_;
    return false;
  }
  return clock_ns(CLOCK_THREAD_CPUTIME_ID) >= cpu_deadline_ns_;
}

void* Sandbox::allocate(void* ud, void* block, std::size_t old_size, std::size_t new_size) {
  auto& self = *static_cast<Sandbox*>(ud);
  if (new_size == 0) {
    if (block != nullptr) self.used_ -= old_size;
    std::free(block);
    return nullptr;
  }
  // For a new object `old_size` is its kind (lua_Alloc in the manual).
  const bool long_string = block == nullptr && old_size == LUA_TSTRING && new_size > max_string + 64;
  if (block == nullptr) old_size = 0;
  if (new_size > old_size) {
    const auto growth = new_size - old_size;
    if (long_string) {
      if (self.calling_) self.note(Overrun::memory);
      if (self.calling_ && self.memory_counted_) throw Exhausted{};
      return nullptr;
    }
    const bool counted = self.calling_ && self.memory_counted_;
    // Calls find room for the garbage that the collector has not come to yet.
    if (self.used_ + growth > self.heap_limit_ + (counted ? 2 * most_garbage : 0)) {
      if (!counted) return nullptr;  // Lua collects and asks again
      self.note(Overrun::memory);
      throw Exhausted{};
    }
    if (counted) {
      if (self.overrun_ != Overrun::none && growth <= small_block) {
        // the message of the overrun itself
      } else if (growth > self.memory_left_) {
        self.note(Overrun::memory);
        if (growth - self.memory_left_ > self.memory_debt_) throw Exhausted{};
        self.memory_debt_ -= growth - self.memory_left_;
        self.memory_left_ = 0;
      } else {
        self.memory_left_ -= growth;
      }
    }
  }
  void* moved = std::realloc(block, new_size);
  if (moved == nullptr) {
    if (new_size > old_size) return nullptr;
    return block;  // shrinking must not fail
  }
  self.used_ += new_size;
  self.used_ -= old_size;
  return moved;
}

LuaError Sandbox::take_error() {
  LuaError error;
  if (overrun_ != Overrun::none) {
    // The message may be missing (the allocator threw), but its place is worth having when it is there.
    if (lua_type(state_, -1) == LUA_TSTRING) error = split_message(lua_tostring(state_, -1));
    error.text = overrun_text(overrun_);
    error.overrun = overrun_;
  } else if (lua_type(state_, -1) == LUA_TSTRING) {
    std::size_t length = 0;
    const char* text = lua_tolstring(state_, -1, &length);
    error = split_message({text, std::min<std::size_t>(length, 1024)});
  } else {
    error.text = fmt::format("an error that is a {}, not a text", luaL_typename(state_, -1));
  }
  lua_pop(state_, 1);
  return error;
}

LuaError split_message(std::string_view message) {
  LuaError error;
  if (message.starts_with(chunk_name)) {
    auto rest = message.substr(chunk_name.size());
    const auto chunk = take_digits(rest);
    const bool is_place = rest.starts_with(':');
    if (is_place) rest.remove_prefix(1);
    const auto line = take_digits(rest);
    if (is_place && line && rest.starts_with(": ")) {
      error.line = *line;
      error.chunk = chunk.value_or(0);
      message = rest.substr(2);
    }
  }
  error.text = std::string(message);
  return error;
}

unsigned chunk_of(std::string_view lua_source) noexcept {
  if (lua_source.starts_with('=')) lua_source.remove_prefix(1);
  if (!lua_source.starts_with(chunk_name)) return 0;
  lua_source.remove_prefix(chunk_name.size());
  return take_digits(lua_source).value_or(0);
}

}  // namespace valise::config
