#include "omemo_message.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <bit>
#include <charconv>
#include <cstring>

#include "base/crypto.hpp"

namespace valise::bench {

namespace {

constexpr std::size_t id_size = 36;       // as long as the UUID of other clients
constexpr std::size_t signal_bytes = 99;  // SignalMessage with a 48-byte ciphertext and a 3-byte counter field
constexpr std::size_t payload_bytes = 96;
constexpr std::size_t iv_bytes = 12;
constexpr std::size_t base64_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

// EVP_EncodeBlock writes a NUL behind its text, which would fall into the message.
void encode_into(std::string& text, std::size_t position, const unsigned char* bytes, std::size_t size) {
  std::array<unsigned char, base64_size(signal_bytes) + 1> buffer;
  const int length = EVP_EncodeBlock(buffer.data(), bytes, static_cast<int>(size));
  std::memcpy(text.data() + position, buffer.data(), static_cast<std::size_t>(length));
}

std::uint32_t device_id(std::string_view name) noexcept {
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash % 2147483646U + 1;
}

}  // namespace

FastRandom::FastRandom() { crypto::random_bytes({reinterpret_cast<unsigned char*>(state_.data()), sizeof state_}); }

std::uint64_t FastRandom::next() noexcept {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void FastRandom::fill(unsigned char* out, std::size_t size) noexcept {
  while (size > 0) {
    const std::uint64_t word = next();
    const std::size_t part = std::min(size, sizeof word);
    std::memcpy(out, &word, part);
    out += part;
    size -= part;
  }
}

DeviceIds devices_of(std::string_view user) noexcept {
  return {device_id(user), device_id(std::string(user) + "/second")};
}

bool parse_stamp(std::string_view id, Stamp& stamp) noexcept {
  if (id.size() != id_size || id[0] != 'b' || id[9] != '-' || id[18] != '-') return false;
  const auto hex = [&](std::size_t at, std::size_t size, auto& value) {
    const auto* end = id.data() + at + size;
    return std::from_chars(id.data() + at, end, value, 16).ptr == end;
  };
  return hex(1, 8, stamp.flow) && hex(10, 8, stamp.sequence) && hex(20, 16, stamp.due);
}

void MessageMaker::add_slot(std::string_view before, std::size_t characters, std::size_t& position) {
  text_ += before;
  position = text_.size();
  text_.append(characters, 'A');
}

MessageMaker::MessageMaker(std::string_view from_user, std::string_view to_user, std::string_view to,
                           FastRandom& random)
    : random_(random) {
  const auto sender = devices_of(from_user);
  const auto recipient = devices_of(to_user);
  const auto key = base64_size(signal_bytes);
  add_slot(fmt::format("<message to=\"{}\" type=\"chat\" id=\"", to), id_size, id_);
  add_slot("\"><origin-id xmlns=\"urn:xmpp:sid:0\" id=\"", id_size, origin_id_);
  add_slot(fmt::format("\"/><encrypted xmlns=\"eu.siacs.conversations.axolotl\"><header sid=\"{}\"><key rid=\"{}\">",
                       sender.own, recipient.own),
           key, keys_[0]);
  add_slot(fmt::format("</key><key rid=\"{}\">", sender.other), key, keys_[1]);
  add_slot("</key><iv>", base64_size(iv_bytes), iv_);
  add_slot("</iv></header><payload>", base64_size(payload_bytes), payload_);
  text_ +=
      "</payload></encrypted><encryption xmlns=\"urn:xmpp:eme:0\" name=\"OMEMO\" "
      "namespace=\"eu.siacs.conversations.axolotl\"/><body>You received a message encrypted with OMEMO but your "
      "client doesn't support OMEMO.</body><store xmlns=\"urn:xmpp:hints\"/></message>";
}

std::string_view MessageMaker::make(const Stamp& stamp) {
  std::array<char, id_size + 1> id;
  fmt::format_to_n(id.data(), id.size(), "b{:08x}-{:08x}-0{:016x}", stamp.flow, stamp.sequence,
                   static_cast<std::uint64_t>(stamp.due));
  std::memcpy(text_.data() + id_, id.data(), id_size);
  std::memcpy(text_.data() + origin_id_, id.data(), id_size);

  // SignalMessage: version 3.3, 1 ratchetKey (33 bytes, type 0x05), 2 counter (two varint bytes), 3 previousCounter,
  // 4 ciphertext (48 bytes), 8 bytes of MAC.
  counter_ = (counter_ + 1) & 0x1fff;
  for (const std::size_t position : keys_) {
    std::array<unsigned char, signal_bytes> message;
    random_.fill(message.data(), message.size());
    message[0] = 0x33, message[1] = 0x0a, message[2] = 0x21, message[3] = 0x05;
    message[35] &= 0x7f;  // the top bit of a Curve25519 u coordinate is zero
    message[36] = 0x10;
    message[37] = static_cast<unsigned char>((counter_ & 0x7f) | 0x80);
    message[38] = static_cast<unsigned char>((counter_ >> 7) | 0x40);
    message[39] = 0x18, message[40] = 0x07;
    message[41] = 0x22, message[42] = 48;
    encode_into(text_, position, message.data(), message.size());
  }
  std::array<unsigned char, payload_bytes> bytes;
  random_.fill(bytes.data(), iv_bytes);
  encode_into(text_, iv_, bytes.data(), iv_bytes);
  random_.fill(bytes.data(), bytes.size());
  encode_into(text_, payload_, bytes.data(), bytes.size());
  return text_;
}

}  // namespace valise::bench
