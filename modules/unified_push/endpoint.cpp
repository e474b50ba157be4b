#include "modules/unified_push/endpoint.hpp"

#include <algorithm>
#include <charconv>

#include "base/crypto.hpp"
#include "xml/writer.hpp"

namespace valise::modules::unified_push {
namespace {

using core::StanzaError;

constexpr std::size_t nonce_size = 12;
constexpr std::size_t longest_word = 1'000;  // UnifiedPush: of the whole address

const StanzaError bad_name{.type = StanzaError::Type::modify,
                           .condition = "bad-request",
                           .text = {"Application and instance are base64 of 32 bytes each.",
                                    "L’application et l’instance sont chacune 32 octets en base64."}};

std::string key(std::string_view secret, std::string_view use) {
  return crypto::hmac(crypto::Hash::sha256, secret, "unified_push " + std::string(use));
}

bool is_digest(std::string_view text) {
  const auto bytes = crypto::base64_decode(text);
  return bytes && bytes->size() == 32;
}

}  // namespace

std::string encode(const Endpoint& endpoint) {
  std::string out;
  xml::Writer(out)
      .open("endpoint")
      .attribute("application", endpoint.application)
      .attribute("instance", endpoint.instance)
      .attribute_if("agent", endpoint.agent)
      .attribute_if("resource", endpoint.resource)
      .attribute("expires", std::to_string(endpoint.expires_ms))
      .close();
  return out;
}

std::optional<Endpoint> decode(std::string_view value) {
  const auto document = xml::parse_element(value, {});
  if (!document || document->root().name() != "endpoint") return std::nullopt;
  const auto root = document->root();
  Endpoint read{.application = std::string(root.attribute_or_empty("application")),
                .instance = std::string(root.attribute_or_empty("instance")),
                .agent = std::string(root.attribute_or_empty("agent")),
                .resource = std::string(root.attribute_or_empty("resource"))};
  const auto expires = root.attribute_or_empty("expires");
  const auto [rest, error] = std::from_chars(expires.data(), expires.data() + expires.size(), read.expires_ms);
  if (error != std::errc() || rest != expires.data() + expires.size()) return std::nullopt;
  if (!is_digest(read.application) || !is_digest(read.instance)) return std::nullopt;
  return read;
}

std::expected<Endpoint, StanzaError> read_register(xml::Element element) {
  Endpoint read{.application = std::string(element.attribute_or_empty("application")),
                .instance = std::string(element.attribute_or_empty("instance")),
                .agent = {},
                .resource = {}};
  if (!is_digest(read.application) || !is_digest(read.instance)) return std::unexpected(bad_name);
  return read;
}

std::string to_word(std::string_view secret, const core::Jid& account, std::string_view id) {
  const auto text = std::string(id) + account.str();
  // From the text: no two texts meet under one nonce, but by a collision of 96 bits.
  const auto nonce = key(key(secret, "nonce"), text).substr(0, nonce_size);
  auto word = crypto::base64_encode(nonce + crypto::seal(key(secret, "key"), nonce, text));
  std::ranges::replace(word, '+', '-');
  std::ranges::replace(word, '/', '_');
  word.erase(std::ranges::find(word, '='), word.end());
  return word;
}

std::optional<Addressed> from_word(std::string_view secret, std::string_view word) {
  if (word.size() > longest_word || word.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
  std::string text(word);
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  const auto bytes = crypto::base64_decode(text);
  if (!bytes || bytes->size() < nonce_size) return std::nullopt;
  const auto nonce = std::string_view(*bytes).substr(0, nonce_size);
  const auto opened = crypto::open(key(secret, "key"), nonce, std::string_view(*bytes).substr(nonce_size));
  if (!opened || opened->size() <= id_bytes) return std::nullopt;
  auto account = core::Jid::parse(std::string_view(*opened).substr(id_bytes));
  if (!account || !account->is_bare()) return std::nullopt;
  return Addressed{std::move(*account), opened->substr(0, id_bytes)};
}

}  // namespace valise::modules::unified_push
