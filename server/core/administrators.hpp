// Who administers a host from a client: a small interface between modules (services.hpp).
#pragma once

#include <functional>
#include <string_view>

#include "core/jid/jid.hpp"

namespace valise::core {

// Published by modules/commands.
class Administrators {
 public:
  [[nodiscard]] virtual bool is_administrator(std::string_view host, const Jid& who) const = 0;
  // Whether this is, or would be if it existed, the account of an administrator of any host: no stranger may make it.
  [[nodiscard]] virtual bool is_administrator_anywhere(const Jid& who) const = 0;
  // By bare address.
  virtual void each_of(std::string_view host, const std::function<void(std::string_view)>& visit) const = 0;

 protected:
  ~Administrators() = default;
};

}  // namespace valise::core
