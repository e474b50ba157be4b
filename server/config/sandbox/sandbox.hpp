// A Lua state that a hostile or careless file cannot use to reach anything or to hold the thread: no io, os, package,
// debug, load, metatables, coroutines or garbage-collector switches; every run has a budget of instructions, memory and
// time. Configuration and policies run in it. One thread.
//
// How the budget holds where Lua's count hook does not look:
//  - library functions that do much in one call (string, table) charge what they do as instructions (libraries.cpp);
//  - string patterns run on our own engine, a step each (pattern.hpp);
//  - the allocator counts what a call allocates, garbage included, so a verdict does not depend on the collector. The
//    collector never runs inside a call but between calls (`collect`). Past the budget the next instruction fails;
//    past twice the budget the allocator throws (Lua as C++ unwinds it) rather than let Lua collect the whole heap;
//  - an overrun is sticky: pcall passes it on, and every further instruction of that call raises it again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.hpp"
#include "config/sandbox/pattern.hpp"

struct lua_State;
struct lua_Debug;

namespace valise::config {

enum class Overrun : std::uint8_t { none, instructions, memory, time };

struct Budget {
  std::uint64_t instructions = 0;
  std::size_t memory = 0;  // bytes allocated during the call; 0: only the heap's bound holds
  std::uint64_t wall_us = 0;
};

// A Lua error with its place. `line` 0: not known. `chunk`: the number of the file that was given to `compile`.
struct LuaError {
  unsigned line = 0;
  std::string text;
  Overrun overrun = Overrun::none;
  unsigned chunk = 0;
};

class Sandbox {
 public:
  static constexpr std::size_t default_heap = 64u << 20;
  static constexpr std::size_t max_string = 256u << 10;  // one string: bounds what a single instruction can copy
  static constexpr std::size_t max_source = 1u << 20;

  explicit Sandbox(std::size_t heap_limit = default_heap);
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  [[nodiscard]] lua_State* state() const noexcept { return state_; }
  [[nodiscard]] static Sandbox& of(lua_State* lua) noexcept;

  // Pushes a new table with the safe libraries: what an environment offers besides its own names.
  void push_libraries();
  // Takes the table on top and pushes in its place an empty one that reads from it and cannot be written or opened.
  void protect_table();
  // Compiles `source` (text only: bytecode is refused) and pushes the function, whose globals are the table that was
  // on top. Pushes nothing on failure.
  std::expected<void, LuaError> compile(std::string_view source, unsigned chunk = 0);

  // Starts the clock that the following calls share.
  void start_clock(std::uint64_t wall_us) noexcept;
  // For loading a file, which nobody's stanza waits for: `us` of processor time from now, and twice that on the wall.
  void start_load_clock(std::uint64_t us) noexcept;
  // lua_pcall under instructions and memory of `budget`; the clock must run. On failure the stack holds neither
  // function nor arguments.
  std::expected<void, LuaError> call(int arguments, int results, const Budget& budget);

  // A step of the collector, to be called between calls; does nothing until the heap has grown enough.
  void collect();
  [[nodiscard]] std::size_t heap_used() const noexcept { return used_; }

  // For library functions: takes `work` instructions from the running call and looks at the clock every few hundred.
  // Raises a Lua error on overrun.
  void charge(std::uint64_t work);
  // A compiled pattern, from a small cache. Raises a Lua error if it is malformed.
  std::shared_ptr<const Pattern> pattern(std::string_view text);
  // What of its instructions the running call still has.
  [[nodiscard]] std::uint64_t steps_left() const noexcept { return instructions_left_; }
  [[noreturn]] void overrun(Overrun what);
  [[nodiscard]] Overrun overrun() const noexcept { return overrun_; }

 private:
  struct Exhausted {};  // thrown through Lua by the allocator
  static constexpr int hook_interval = 100;

  static void* allocate(void* self, void* block, std::size_t old_size, std::size_t new_size);
  static void hook(lua_State* lua, lua_Debug* event);
  void arm(int interval) noexcept;
  void note(Overrun what) noexcept;
  // `level`: whose line the message names; 0 the running function (in the hook), 1 its caller (in a C function).
  [[noreturn]] void raise(int level = 1);
  [[nodiscard]] bool out_of_time() noexcept;
  LuaError take_error();

  lua_State* state_ = nullptr;
  std::size_t heap_limit_;
  std::size_t used_ = 0;
  std::size_t collect_at_ = 0;
  bool collecting_ = false;
  // the running call
  bool calling_ = false;
  Overrun overrun_ = Overrun::none;
  std::uint64_t instructions_left_ = 0;
  std::uint64_t charged_ = 0;
  std::size_t memory_left_ = 0;
  std::size_t memory_debt_ = 0;
  bool memory_counted_ = false;
  std::int64_t deadline_ns_ = 0;
  std::int64_t wall_ns_ = 0;
  std::int64_t last_ns_ = 0;          // on the wall, whatever the processor did meanwhile
  std::int64_t cpu_deadline_ns_ = 0;  // 0: the wall's deadline has not passed yet
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, std::shared_ptr<const Pattern>, TextHash, std::equal_to<>> patterns_;
};

// Splits "<chunk>:12: text", as Lua prefixes its messages, into its parts.
LuaError split_message(std::string_view message);
// The number of the chunk that Lua calls so ("=lua", "=lua2"); 0: it is the first, or none of ours.
unsigned chunk_of(std::string_view lua_source) noexcept;

namespace libraries {
// Pushes a table of the safe functions of each library (libraries.cpp, string_library.cpp). push_string replaces the
// methods of strings by the same functions, so call it once a state.
void push_base(lua_State* lua);
void push_string(lua_State* lua);
void push_table(lua_State* lua);
void push_math(lua_State* lua);
}  // namespace libraries

}  // namespace valise::config
