#include "stream/authenticate.hpp"

#include "base/crypto.hpp"
#include "base/trim.hpp"
#include "core/client.hpp"
#include "core/namespaces.hpp"
#include "stream/management.hpp"

namespace valise::stream {
namespace ns = core::ns;
namespace auth = core::auth;
namespace {

constexpr std::size_t longest_name = 128;  // bytes of what a client calls itself or its device
constexpr std::size_t longest_tag = 64;    // it stands in every address of the session
constexpr std::size_t most_upgrades = 8;

// Its visible part, cut between characters.
std::string short_text(const std::string& text) {
  std::string out(trimmed(text));
  if (out.size() <= longest_name) return out;
  auto end = longest_name;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0U) == 0x80U) --end;
  out.resize(end);
  return out;
}

bool is_true(std::string_view value) { return value == "1" || value == "true"; }

auth::Outcome<void> read_agent(Authenticate& out, xml::Element agent) {
  if (!agent) return {};
  if (const auto id = agent.attribute("id")) {
    auto parsed = core::parse_agent(*id);
    if (!parsed) return auth::refuse(auth::Condition::malformed_request, "the user agent id is no UUID v4");
    out.agent = std::move(*parsed);
  }
  out.software = short_text(agent.child("software", ns::sasl_2).text());
  out.device = short_text(agent.child("device", ns::sasl_2).text());
  return {};
}

auth::Outcome<void> read_fast(Authenticate& out, xml::Element root) {
  if (const auto request = root.child("request-token", ns::fast)) {
    out.wants_token = request.attribute_or_empty("mechanism");
    if (out.wants_token.empty()) return auth::refuse(auth::Condition::malformed_request, "a token for no mechanism");
    if (out.agent.empty()) {
      return auth::refuse(auth::Condition::malformed_request, "a token is given to a user agent with an id");
    }
  }
  const auto fast = root.child("fast", ns::fast);
  if (!fast) return {};
  out.fast = true;
  out.invalidate = is_true(fast.attribute_or_empty("invalidate"));
  if (const auto count = fast.attribute("count")) {
    out.count = parse_count(*count);
    if (!out.count || *out.count == 0) {
      return auth::refuse(auth::Condition::malformed_request, "the count is no positive integer");
    }
  }
  if (out.agent.empty()) return auth::refuse(auth::Condition::malformed_request, "a token without a user agent id");
  return {};
}

}  // namespace

xml::Element Authenticate::resume() const { return element->root().child("resume", ns::stream_management); }
xml::Element Authenticate::bind() const { return element->root().child("bind", ns::bind_2); }

auth::Outcome<Authenticate> parse_authenticate(xml::Element root) {
  Authenticate out;
  out.element = xml::DocumentPtr(root.document());
  out.mechanism = root.attribute_or_empty("mechanism");
  if (const auto response = root.child("initial-response", ns::sasl_2)) {
    // XEP-0388 §2.2: base64 without white space; the examples of the XEPs have it around.
    out.initial_response = trimmed(response.text());
  }
  if (auto read = read_agent(out, root.child("user-agent", ns::sasl_2)); !read) return std::unexpected(read.error());
  if (auto read = read_fast(out, root); !read) return std::unexpected(read.error());
  for (const auto child : root.children()) {
    if (child.is_text() || !child.is("upgrade", ns::sasl_upgrade)) continue;
    if (out.upgrades.size() == most_upgrades) {
      return auth::refuse(auth::Condition::malformed_request, "too many upgrades");
    }
    out.upgrades.emplace_back(trimmed(child.text()));
  }
  if (const auto version = root.child("config-version", ns::iap)) {
    out.config_version = version.attribute_or_empty("value");
  }
  return out;
}

std::string generate_resource(std::string_view secret, const core::Jid& account, std::string_view agent,
                              std::string_view tag) {
  auto generated = crypto::random_hex(8);
  if (!agent.empty()) {
    std::string input("resource");
    for (const auto part : {account.bare(), agent, tag}) input.append(1, '\0').append(part);
    generated = crypto::hex_encode(crypto::hmac(crypto::Hash::sha256, secret, input).substr(0, 8));
  }
  if (tag.empty() || tag.size() > longest_tag) return generated;
  auto with_tag = std::string(tag) + "/" + generated;
  return account.with_resource(with_tag) ? with_tag : generated;
}

}  // namespace valise::stream
