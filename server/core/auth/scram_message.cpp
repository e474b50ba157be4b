#include "core/auth/scram_message.hpp"

#include <algorithm>

namespace valise::core::auth {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The next comma-separated attribute; the comma after it is consumed.
class Attributes {
 public:
  explicit Attributes(std::string_view text) : rest_(text) {}
  [[nodiscard]] bool at_end() const { return ended_; }
  std::string_view next() {
    const auto comma = rest_.find(',');
    const auto part = rest_.substr(0, comma);
    ended_ = comma == std::string_view::npos;
    rest_ = ended_ ? std::string_view() : rest_.substr(comma + 1);
    return part;
  }

 private:
  std::string_view rest_;
  bool ended_ = false;
};

// attr-val = ALPHA "=" value; value is not empty.
bool is_attribute(std::string_view text) { return text.size() >= 3 && is_letter(text[0]) && text[1] == '='; }

std::optional<std::string_view> value_of(std::string_view attribute, char name) {
  if (!is_attribute(attribute) || attribute[0] != name) return std::nullopt;
  return attribute.substr(2);
}

bool is_nonce(std::string_view text) {
  return !text.empty() && text.size() <= max_scram_nonce &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != ','; });
}

bool is_binding_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
}

bool within_bounds(std::string_view message) {
  return message.size() <= max_scram_message && message.find('\0') == std::string_view::npos;
}

// gs2-header = gs2-cbind-flag "," [ authzid ] ","
bool read_gs2_header(Attributes& in, ClientFirst& out) {
  const auto flag = in.next();
  if (in.at_end()) return false;
  if (flag == "n" || flag == "y") {
    out.binding = flag[0];
  } else {
    const auto name = value_of(flag, 'p');
    if (!name || !is_binding_name(*name)) return false;
    out.binding = 'p';
    out.binding_name = *name;
  }
  const auto authzid = in.next();
  if (in.at_end()) return false;
  if (authzid.empty()) return true;
  const auto escaped = value_of(authzid, 'a');
  if (!escaped) return false;
  auto name = unescape_saslname(*escaped);
  if (!name) return false;
  out.authzid = std::move(*name);
  return true;
}

// The rest is ["," extensions]: well-formed attributes that this server does not know and may ignore.
bool read_extensions(Attributes& in, bool& mandatory) {
  while (!in.at_end()) {
    const auto extension = in.next();
    if (!is_attribute(extension)) return false;
    mandatory |= extension[0] == 'm';
  }
  return true;
}

}  // namespace

std::optional<std::string> unescape_saslname(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out += text[i];
      continue;
    }
    const auto code = text.substr(i + 1, 2);
    if (code != "2C" && code != "3D") return std::nullopt;
    out += code == "2C" ? ',' : '=';
    i += 2;
  }
  return out;
}

std::optional<ClientFirst> parse_client_first(std::string_view message) {
  if (!within_bounds(message)) return std::nullopt;
  ClientFirst out;
  Attributes in(message);
  if (!read_gs2_header(in, out)) return std::nullopt;
  // The second comma ends the header; its parts hold none, since a saslname escapes them.
  const auto header_size = message.find(',', message.find(',') + 1) + 1;
  out.gs2_header = message.substr(0, header_size);
  out.bare = message.substr(header_size);
  auto part = in.next();
  if (value_of(part, 'm')) {
    out.mandatory_extension = true;
    if (in.at_end()) return std::nullopt;
    part = in.next();
  }
  const auto escaped = value_of(part, 'n');
  if (!escaped || in.at_end()) return std::nullopt;
  auto username = unescape_saslname(*escaped);
  const auto nonce = value_of(in.next(), 'r');
  if (!username || !nonce || !is_nonce(*nonce)) return std::nullopt;
  out.username = std::move(*username);
  out.nonce = *nonce;
  if (!read_extensions(in, out.mandatory_extension)) return std::nullopt;
  return out;
}

std::optional<ClientFinal> parse_client_final(std::string_view message) {
  // channel-binding "," nonce ["," extensions] "," proof: base64 holds no comma, so the proof follows the last one.
  if (!within_bounds(message)) return std::nullopt;
  const auto last = message.rfind(',');
  if (last == std::string_view::npos) return std::nullopt;
  ClientFinal out;
  out.without_proof = message.substr(0, last);
  const auto proof = value_of(message.substr(last + 1), 'p');
  Attributes in(out.without_proof);
  const auto binding = value_of(in.next(), 'c');
  if (!proof || !binding || in.at_end()) return std::nullopt;
  const auto nonce = value_of(in.next(), 'r');
  if (!nonce) return std::nullopt;
  out.binding = *binding;
  out.nonce = *nonce;
  out.proof = *proof;
  if (!read_extensions(in, out.mandatory_extension)) return std::nullopt;
  return out;
}

}  // namespace valise::core::auth
