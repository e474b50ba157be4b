#include "modules/unified_push/web_push.hpp"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace valise::modules::unified_push {
namespace {

constexpr std::size_t salt_size = 16, key_size = 65;
constexpr std::size_t header_size = salt_size + 4 + 1 + key_size;  // RFC 8188 §2.1
constexpr std::size_t least_record = 1 + 16;                       // the delimiter and the tag
constexpr std::uint32_t least_record_size = 18;                    // RFC 8188 §2.1: rs

bool is_on_p256(std::string_view point) {
  using Group = std::unique_ptr<EC_GROUP, decltype([](EC_GROUP* group) { EC_GROUP_free(group); })>;
  using Point = std::unique_ptr<EC_POINT, decltype([](EC_POINT* one) { EC_POINT_free(one); })>;
  static const Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const Point parsed(group ? EC_POINT_new(group.get()) : nullptr);
  if (!parsed || point.front() != '\x04') return false;
  const auto* bytes = reinterpret_cast<const unsigned char*>(point.data());
  return EC_POINT_oct2point(group.get(), parsed.get(), bytes, point.size(), nullptr) == 1;
}

std::uint32_t number(std::string_view four) {
  std::uint32_t value = 0;
  for (const char c : four) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

bool is_text(std::string_view bytes) {
  return bytes.size() >= 24 && std::ranges::all_of(bytes, [](char c) {
           return (c >= ' ' && c < '\x7f') || c == '\n' || c == '\r' || c == '\t';
         });
}

}  // namespace

bool is_web_push(std::string_view content_encoding, std::string_view body) {
  if (content_encoding != "aes128gcm" || body.size() < header_size + least_record) return false;
  const auto record_size = number(body.substr(salt_size, 4));
  const auto record = body.substr(header_size);
  // RFC 8291 §4: one record, and the key is the whole key id.
  if (record_size < least_record_size || record.size() > record_size) return false;
  if (static_cast<unsigned char>(body[salt_size + 4]) != key_size) return false;
  return is_on_p256(body.substr(salt_size + 5, key_size)) && !is_text(record);
}

}  // namespace valise::modules::unified_push
