#include "core/client.hpp"

#include <charconv>
#include <utility>

#include "xml/document.hpp"
#include "xml/writer.hpp"

namespace valise::core {
namespace {

template <class Number>
std::optional<Number> number(xml::Element element, std::string_view name) {
  const auto text = element.attribute_or_empty(name);
  Number value{};
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return value;
}

void append(xml::Writer& writer, std::string_view slot, const std::optional<auth::Token>& token) {
  if (!token) return;
  writer.open(slot)
      .attribute("nonce", token->nonce)
      .attribute("mechanism", token->mechanism)
      .attribute("issued", std::to_string(token->issued_ms))
      .attribute("expires", std::to_string(token->expires_ms))
      .attribute("credentials", std::to_string(token->credentials))
      .attribute("count", std::to_string(token->count))
      .close();
}

std::optional<auth::Token> read_token(xml::Element element) {
  if (!element) return std::nullopt;
  const auto issued = number<std::int64_t>(element, "issued");
  const auto expires = number<std::int64_t>(element, "expires");
  const auto credentials = number<std::uint64_t>(element, "credentials");
  const auto count = number<std::uint32_t>(element, "count");
  if (!issued || !expires || !credentials || !count) return std::nullopt;
  return auth::Token{.nonce = std::string(element.attribute_or_empty("nonce")),
                     .mechanism = std::string(element.attribute_or_empty("mechanism")),
                     .issued_ms = *issued,
                     .expires_ms = *expires,
                     .credentials = *credentials,
                     .count = *count};
}

}  // namespace

std::string encode(const Client& client) {
  std::string out;
  xml::Writer writer(out);
  writer.open("client")
      .attribute("first", std::to_string(client.first_ms))
      .attribute("last", std::to_string(client.last_ms))
      .attribute_if("software", client.software)
      .attribute_if("device", client.device);
  if (client.password) writer.attribute("password", std::to_string(*client.password));
  if (client.certificate) writer.attribute("certificate", "1");
  append(writer, "current", client.current);
  append(writer, "fresh", client.fresh);
  writer.close();
  return out;
}

std::optional<Client> decode_client(std::string_view agent, std::string_view value) {
  const auto document = xml::parse_element(value, {});
  if (!document || document->root().name() != "client") return std::nullopt;
  const auto root = document->root();
  const auto first = number<std::int64_t>(root, "first");
  const auto last = number<std::int64_t>(root, "last");
  if (!first || !last) return std::nullopt;
  return Client{.agent = std::string(agent),
                .software = std::string(root.attribute_or_empty("software")),
                .device = std::string(root.attribute_or_empty("device")),
                .first_ms = *first,
                .last_ms = *last,
                .password = number<std::uint64_t>(root, "password"),
                .certificate = root.attribute("certificate").has_value(),
                .current = read_token(root.child("current", {})),
                .fresh = read_token(root.child("fresh", {}))};
}

std::optional<std::string> parse_agent(std::string_view id) {
  constexpr std::string_view shape = "xxxxxxxx-xxxx-4xxx-Nxxx-xxxxxxxxxxxx";  // RFC 9562 §5.4
  if (id.size() != shape.size()) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const char c = id[i] >= 'A' && id[i] <= 'F' ? static_cast<char>(id[i] - 'A' + 'a') : id[i];
    const bool hexadecimal = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    const bool fits = shape[i] == 'x'   ? hexadecimal
                      : shape[i] == 'N' ? c == '8' || c == '9' || c == 'a' || c == 'b'
                                        : c == shape[i];
    if (!fits) return std::nullopt;
    out += c;
  }
  return out;
}

auth::Outcome<TokenUse> check_token(const Client* client, std::string_view secret, const TokenAttempt& attempt) {
  using enum auth::Condition;
  auth::Outcome<TokenUse> outcome = auth::refuse(not_authorized, "wrong token or unknown client");
  // The same work whether there is such a client, and whatever it has.
  static const std::optional<auth::Token> none;
  for (const auto* slot : {client == nullptr ? &none : &client->fresh, client == nullptr ? &none : &client->current}) {
    auto text = auth::token_text(secret, attempt.account, attempt.agent, *slot ? (*slot)->nonce : std::string());
    const bool right = crypto::equal(auth::initiator_proof(text, attempt.binding), attempt.proof);
    if (right && *slot) {
      const auto& token = **slot;
      if (token.mechanism != attempt.mechanism) {
        outcome = auth::refuse(not_authorized, "a token of another mechanism");
      } else if (token.credentials != attempt.credentials) {
        outcome = auth::refuse(not_authorized, "a token from before a change of password");
      } else if (token.expires_ms <= attempt.now_ms) {
        outcome = auth::refuse(credentials_expired, "the token has expired");
      } else if (attempt.count && *attempt.count <= token.count) {
        outcome = auth::refuse(not_authorized, "a token's count again");
      } else {
        outcome = TokenUse{token.nonce, auth::responder_proof(text, attempt.binding)};
      }
    }
    crypto::wipe(text);
  }
  return outcome;
}

bool use_token(Client& client, std::string_view nonce, std::optional<std::uint32_t> count) {
  if (client.fresh && client.fresh->nonce == nonce) client.current = std::exchange(client.fresh, std::nullopt);
  if (!client.current || client.current->nonce != nonce) return false;
  auto& known = client.current->count;
  if (count && *count <= known) return false;
  if (count) known = *count;
  return true;
}

}  // namespace valise::core
