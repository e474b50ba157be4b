#include "base/networks.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace valise {
namespace {
constexpr std::size_t longest_text = 64;
constexpr unsigned mapped_bits = 96;  // of an IPv4 address before its own
}  // namespace

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (text.empty() || text.size() > longest_text) return std::nullopt;
  const std::string copy(text);
  IpAddress out{};
  if (inet_pton(AF_INET6, copy.c_str(), out.data()) == 1) return out;
  out = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (inet_pton(AF_INET, copy.c_str(), out.data() + 12) == 1) return out;
  return std::nullopt;
}

std::string show(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN] = "";
  in6_addr bytes;
  std::memcpy(&bytes, address.data(), sizeof bytes);
  const bool v4 = IN6_IS_ADDR_V4MAPPED(&bytes);
  inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? 12 : 0), text, sizeof text);
  return text;
}

Result<> Networks::add(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_ip(text.substr(0, slash));
  if (!address) return fail(ErrorCode::invalid, "a network such as \"10.0.0.0/8\" or \"::1\"");
  const bool v4 = text.find(':') == std::string_view::npos;
  unsigned bits = v4 ? 32 : 128;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto* end = digits.data() + digits.size();
    unsigned given = 0;
    const auto [rest, error] = std::from_chars(digits.data(), end, given);
    if (digits.empty() || error != std::errc() || rest != end || given > bits) {
      return fail(ErrorCode::invalid, "a prefix of 0 to " + std::to_string(bits) + " bits behind the slash");
    }
    bits = given;
  }
  const Network network{*address, bits + (v4 ? mapped_bits : 0)};
  for (unsigned bit = network.bits; bit < 128; ++bit) {
    if ((network.first[bit / 8] >> (7 - bit % 8) & 1) != 0) {
      return fail(ErrorCode::invalid, "a network's first address: there are bits behind the prefix");
    }
  }
  networks_.push_back(network);
  return {};
}

bool Networks::contains(const IpAddress& address) const noexcept {
  return std::ranges::any_of(networks_, [&](const Network& network) {
    const auto whole = network.bits / 8, rest = network.bits % 8;
    if (std::memcmp(address.data(), network.first.data(), whole) != 0) return false;
    return rest == 0 || ((address[whole] ^ network.first[whole]) >> (8 - rest)) == 0;
  });
}

bool Networks::contains(std::string_view address) const noexcept {
  const auto parsed = parse_ip(address);
  return parsed && contains(*parsed);
}

}  // namespace valise
