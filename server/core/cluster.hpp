// Where an account lives. The router asks this from day one; one node answers "here" to everything it hosts.
#pragma once

#include <string_view>

#include "core/stanza.hpp"

namespace valise::core {

class Cluster {
 public:
  virtual ~Cluster() = default;
  // True if this node is the home of `bare` (a local account's JID).
  [[nodiscard]] virtual bool is_home(std::string_view bare) const = 0;
  // Hands a stanza to the node that is. False: it could not be handed on (the sender gets an error).
  virtual bool forward(const StanzaPtr& stanza) = 0;
};

class SingleNode final : public Cluster {
 public:
  [[nodiscard]] bool is_home(std::string_view) const override { return true; }
  bool forward(const StanzaPtr&) override { return false; }
};

}  // namespace valise::core
