#include "stream/management.hpp"

#include <charconv>

#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;

std::optional<std::uint32_t> parse_count(std::string_view text) noexcept {
  std::uint32_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end) return std::nullopt;
  return value;
}

std::string failed(std::string_view condition, std::optional<std::uint32_t> h) {
  std::string out;
  xml::Writer writer(out);
  writer.open("failed", ns::stream_management);
  if (h) writer.attribute("h", std::to_string(*h));
  writer.element(condition, ns::stanza_errors).close();
  return out;
}

std::string handled_too_high(std::uint32_t h, std::uint32_t sent) {
  std::string out;
  xml::Writer(out)
      .open("handled-count-too-high", ns::stream_management)
      .attribute("h", std::to_string(h))
      .attribute("send-count", std::to_string(sent))
      .close();
  return out;
}

}  // namespace valise::stream
