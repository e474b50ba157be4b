// Structural validation of one <encrypted/> of either OMEMO version (docs/sealed.md 3.7, points 1 to 7, 12 and 13). No
// cryptography: it makes lazy, broken and misconfigured clients fail closed. It cannot prove that a payload is
// ciphertext; two colluding clients can always hide text (the guide says so).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/stanza.hpp"
#include "modules/omemo/ratchet.hpp"
#include "xml/document.hpp"

namespace valise::modules::omemo {

// Raw bytes of a public key, as they stood in a ratchet message: 33 (legacy) or 32.
class IdentityKey {
 public:
  IdentityKey() = default;
  explicit IdentityKey(std::string_view key) : size_(std::min(key.size(), bytes_.size())) {
    std::copy_n(key.data(), size_, bytes_.data());
  }
  operator std::string_view() const noexcept { return {bytes_.data(), size_}; }
  bool operator==(const IdentityKey&) const = default;
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::array<char, 33> bytes_{};
  std::size_t size_ = 0;
};

struct Envelope {
  Version version = Version::legacy;
  std::uint32_t sender_device = 0;
  std::uint32_t keys = 0;
  std::uint32_t prekeys = 0;
  bool has_payload = false;
  std::uint32_t payload_bytes = 0;
  IdentityKey identity_key;   // of the prekey messages: the sender's
  std::array<char, 12> iv{};  // legacy
  // What tells a header and a payload again (docs/sealed.md D3), by keyed_hash: of each key, ascending, to be read
  // before this thread checks another element of that version; of the payload, 0 where there is none.
  std::span<const std::uint64_t> key_hashes;
  std::uint64_t payload_hash = 0;
};

struct EnvelopeLimits {
  std::uint32_t keys = 1'500;
  std::uint32_t keys_without_payload = 64;
  std::uint32_t payload = 65'536;  // bytes
  bool wide_ratchet = false;       // AES-256 era keys: 64 bytes of ratchet ciphertext
};

// The bare JIDs of a message between two people: omemo:2 names whose devices its keys are for, and nobody else's may be
// named (docs/sealed.md D6). Both empty: whoever it is.
struct Parties {
  std::string_view from, to;
};

// `element` is in one of the two namespaces. Null: valid, `out` is filled. Otherwise what is wrong, in words of ours.
// Linear in the element's size, and without an allocation but for the name of a stranger in `keys jid`.
[[nodiscard]] const char* check_envelope(xml::Element element, const EnvelopeLimits& limits, const Parties& parties,
                                         Envelope& out);

// Who writes to whom; nobody for a message to a room, whose members the server does not know.
[[nodiscard]] Parties parties_of(const core::Stanza& stanza);

// docs/sealed.md 3.7-12: what no honest cipher yields (each with false alarms below 1e-9), of bytes that come in
// pieces.
class Plausibility {
 public:
  // The first piece holds the whole, or at least 16 bytes.
  void feed(std::string_view piece);
  [[nodiscard]] std::size_t size() const { return size_; }
  // Of all that was fed.
  [[nodiscard]] bool is_text() const;

 private:
  [[nodiscard]] bool goes_on(unsigned char c);

  std::size_t size_ = 0;
  bool magic_ = false, printable_ = true, base64_ = true, utf8_ = true;
  unsigned missing_ = 0;  // bytes of a UTF-8 character that has begun
};
// The same of a whole.
[[nodiscard]] bool looks_like_plaintext(std::string_view payload);

}  // namespace valise::modules::omemo
