// IP addresses and networks, as they stand in configurations and in what proxies say.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace valise {

// An IP address; IPv4 in its mapped form.
using IpAddress = std::array<unsigned char, 16>;
// Without port, zone and brackets.
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);
[[nodiscard]] std::string show(const IpAddress& address);

class Networks {
 public:
  // "10.0.0.0/8", "::1", "192.0.2.7". Bits behind the prefix must be zero: what was meant otherwise is not guessed.
  [[nodiscard]] Result<> add(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
  [[nodiscard]] bool contains(std::string_view address) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return networks_.empty(); }

 private:
  struct Network {
    IpAddress first;
    unsigned bits;
  };
  std::vector<Network> networks_;
};

}  // namespace valise
