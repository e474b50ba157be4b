// What waits for one client, in order, the newest about each thing.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/stanza.hpp"

namespace valise::modules::csi {

struct Waiting {
  std::string about;
  core::StanzaPtr stanza;
  std::optional<core::Jid> to;  // as SessionStream::deliver
  std::string extra;

  [[nodiscard]] std::size_t bytes() const noexcept {
    return sizeof *this + stanza->memory() + about.size() + extra.size();
  }
};

class Held {
 public:
  // Instead of what waits about the same thing, behind all others.
  void keep(Waiting waiting);
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  // Leaves nothing.
  [[nodiscard]] std::vector<Waiting> take();

 private:
  std::vector<Waiting> waiting_;
  std::size_t bytes_ = 0;
};

}  // namespace valise::modules::csi
