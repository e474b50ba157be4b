// What a device of the self-test keeps, in memory alone. One store for each version of OMEMO: libomemo-c's callbacks
// are not told the version of a session, and records of the two would overwrite each other.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "selftest/signal_ptr.hpp"

namespace valise::ctl::selftest {

class Store {
 public:
  struct Identity {
    std::string public_key;  // 0x05 and 32 bytes (Curve25519)
    std::string private_key;
    std::uint32_t registration_id = 0;  // in OMEMO the device's id
  };
  struct Rows {
    using Address = std::pair<std::string, std::int32_t>;  // bare JID, device
    Identity own;
    std::map<Address, std::string> sessions;
    std::map<Address, std::string> identities;
    std::map<std::uint32_t, std::string> prekeys;
    std::map<std::uint32_t, std::string> signed_prekeys;
  };

  Store(signal_context* context, Identity own);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  [[nodiscard]] signal_protocol_store_context* context() const noexcept { return context_.get(); }
  [[nodiscard]] const Rows& rows() const noexcept { return rows_; }

 private:
  Rows rows_;  // the callbacks' user data: before context_
  StoreContext context_;
};

}  // namespace valise::ctl::selftest
