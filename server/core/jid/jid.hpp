// JIDs: RFC 7622's grammar, prepared with RFC 6122's stringprep profiles. One canonical form, made on entry, so that
// everything behind the parser compares bytes.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace valise::core {

// An immutable, normalised JID in one string. The views it returns live as long as the Jid is neither moved from nor
// assigned to. XEP-0106 escapes are ordinary characters here.
class Jid {
 public:
  // Each part of a JID has 1 to this many bytes of UTF-8 (RFC 7622 §3.2–3.4).
  static constexpr std::size_t max_part = 1023;

  // No JID at all: every part is empty. Never the result of parse.
  Jid() = default;

  // RFC 7622 §3.1. Fails with `invalid`; the text names the part and the rule, never the input.
  [[nodiscard]] static Result<Jid> parse(std::string_view text);
  // From parts that are not yet prepared, such as a SASL user name and the stream's host. Empty local or resource:
  // none. Unlike parse it never splits, so a local part with an '@' is refused.
  [[nodiscard]] static Result<Jid> make(std::string_view local, std::string_view domain,
                                        std::string_view resource = {});

  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  [[nodiscard]] std::string_view full() const noexcept { return text_; }
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  [[nodiscard]] std::string_view bare() const noexcept { return full().substr(0, bare_size_); }
  [[nodiscard]] std::string_view local() const noexcept { return full().substr(0, domain_ == 0 ? 0 : domain_ - 1u); }
  [[nodiscard]] std::string_view domain() const noexcept { return bare().substr(domain_); }
  [[nodiscard]] std::string_view resource() const noexcept {
    return is_bare() ? std::string_view() : full().substr(bare_size_ + 1u);
  }
  [[nodiscard]] bool is_bare() const noexcept { return bare_size_ == text_.size(); }
  [[nodiscard]] bool has_local() const noexcept { return domain_ != 0; }
  [[nodiscard]] bool same_bare(const Jid& other) const noexcept { return bare() == other.bare(); }

  [[nodiscard]] Jid to_bare() const;
  // The domain alone: the server of this JID.
  [[nodiscard]] Jid to_domain() const;
  // This bare JID with a resource that is not yet prepared; an empty one fails.
  [[nodiscard]] Result<Jid> with_resource(std::string_view resource) const;

  // The canonical text decides where the parts are, so it alone is compared.
  friend bool operator==(const Jid& a, const Jid& b) noexcept { return a.text_ == b.text_; }
  friend std::strong_ordering operator<=>(const Jid& a, const Jid& b) noexcept { return a.text_ <=> b.text_; }

 private:
  std::string text_;
  std::uint16_t domain_ = 0;     // where the domain begins; 0: no local part
  std::uint16_t bare_size_ = 0;  // where the resource's slash stands, or the end
};

}  // namespace valise::core

template <>
struct std::hash<valise::core::Jid> {
  std::size_t operator()(const valise::core::Jid& jid) const noexcept {
    return std::hash<std::string_view>()(jid.full());
  }
};
