// The commands that one session of a client is running (XEP-0050 §3.3), each within a time. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "core/session.hpp"
#include "core/text.hpp"
#include "modules/commands/form.hpp"

namespace valise::modules::commands {

struct Command;

struct Running {
  std::string id;
  const Command* command = nullptr;
  std::string host;
  core::Language language = core::Language::english;
  std::int64_t until_ms = 0;
  // What each stage said; the one that is asked now is the last and may be empty.
  std::vector<Values> stages;

  [[nodiscard]] unsigned stage() const noexcept { return static_cast<unsigned>(stages.size()) - 1; }
  // What the stages before the one that is asked now said.
  [[nodiscard]] Values so_far() const;
};

class Sessions final : public core::Part {
 public:
  static constexpr std::size_t most = 8;              // at once; the oldest makes room
  static constexpr std::size_t most_remembered = 32;  // that have ended

  Running& begin(const Command& command, std::string host, core::Language language, std::int64_t until_ms);
  // Null: there is none with that id now. `was_one`: it has ended, or its time ran out.
  [[nodiscard]] Running* find(std::string_view id, std::int64_t now_ms, bool& was_one);
  void end(std::string_view id);
  [[nodiscard]] std::size_t size() const noexcept { return running_.size(); }

 private:
  void forget(std::list<Running>::iterator which);
  std::list<Running> running_;  // oldest first
  std::deque<std::string> ended_;
};

}  // namespace valise::modules::commands
