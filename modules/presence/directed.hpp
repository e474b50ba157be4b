// RFC 6121 §4.6: whom a session told of itself by directed presence; they learn of its end. Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "core/jid/jid.hpp"
#include "core/session.hpp"

namespace valise::modules::presence {

class Directed final : public core::Part {
 public:
  static constexpr std::size_t most = 500;  // rooms and strangers of one session

  // False: there are too many, `to` is not remembered.
  [[nodiscard]] bool add(const core::Jid& to);
  void remove(const core::Jid& to);
  // `who`, or all resources of it, were told.
  [[nodiscard]] bool knows(const core::Jid& who) const;
  // Gives them all back and forgets them.
  [[nodiscard]] std::vector<core::Jid> take();
  // Likewise those that `which` names.
  [[nodiscard]] std::vector<core::Jid> take_if(const std::function<bool(const core::Jid&)>& which);
  [[nodiscard]] std::size_t size() const noexcept { return jids_.size(); }

 private:
  std::vector<core::Jid> jids_;  // sorted
};

}  // namespace valise::modules::presence
