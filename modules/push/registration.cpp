#include "modules/push/registration.hpp"

#include <algorithm>
#include <charconv>

#include "base/crypto.hpp"
#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::modules::push {
namespace {

using core::StanzaError;

constexpr std::string_view publish_options = "http://jabber.org/protocol/pubsub#publish-options";
constexpr std::size_t max_node = 256, max_field_name = 64, max_value = 256, max_fields = 8;

const StanzaError no_service{.type = StanzaError::Type::modify,
                             .condition = "bad-request",
                             .text = {"A push service has an address.", "Un service de notification a une adresse."}};
const StanzaError bad_address{.type = StanzaError::Type::modify, .condition = "jid-malformed"};
const StanzaError no_token{.type = StanzaError::Type::modify,
                           .condition = "bad-request",
                           .text = {"Nodes and publish options are short words without spaces.",
                                    "Les nœuds et options de publication sont des mots courts sans espaces."}};

// D12: printable ASCII without blanks.
bool is_token(std::string_view text, std::size_t most) {
  return text.size() <= most && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::expected<core::Jid, StanzaError> service_of(xml::Element element) {
  const auto text = element.attribute("jid");
  if (!text || text->empty()) return std::unexpected(no_service);
  auto jid = core::Jid::parse(*text);
  if (!jid) return std::unexpected(bad_address);
  return std::move(*jid);
}

// Written anew: FORM_TYPE, then each field with its one value. Nothing: not such a form.
std::optional<std::string> read_options(xml::Element form) {
  if (form.attribute_or_empty("type") != "submit") return std::nullopt;
  std::string out;
  xml::Writer writer(out);
  writer.open("x", core::ns::data_forms).attribute("type", "submit");
  bool typed = false;
  std::size_t fields = 0;
  for (const auto field : form.children()) {
    if (field.is_text()) continue;
    const auto name = field.attribute_or_empty("var");
    if (!field.is("field", core::ns::data_forms) || name.empty() || !is_token(name, max_field_name))
      return std::nullopt;
    const auto element = field.child("value", core::ns::data_forms);
    const auto value = element ? element.single_text() : std::optional<std::string_view>();
    if (!value || !is_token(*value, max_value) || ++fields > max_fields) return std::nullopt;
    const bool is_type = name == "FORM_TYPE";
    if (is_type && (typed || *value != publish_options)) return std::nullopt;
    typed |= is_type;
    writer.open("field").attribute("var", name);
    if (is_type) writer.attribute("type", "hidden");
    writer.element("value", {}, *value).close();
  }
  writer.close();
  if (!typed) return std::nullopt;
  return out;
}

}  // namespace

std::string row_of(const core::Jid& service, std::string_view node) {
  const auto name = crypto::digest(crypto::Hash::sha256, service.str() + '\n' + std::string(node));
  return std::string(row_prefix) + crypto::hex_encode(std::string_view(name).substr(0, 16));
}

std::string encode(const Registration& registration) {
  std::string out;
  xml::Writer writer(out);
  writer.open("push")
      .attribute("service", registration.service.full())
      .attribute_if("node", registration.node)
      .attribute_if("agent", registration.agent)
      .attribute_if("resource", registration.resource)
      .attribute("enabled", std::to_string(registration.enabled_ms));
  if (!registration.options.empty()) writer.raw(registration.options);
  writer.close();
  return out;
}

std::optional<Registration> decode(std::string_view value) {
  const auto document = xml::parse_element(value, {});
  if (!document || document->root().name() != "push") return std::nullopt;
  const auto root = document->root();
  auto service = core::Jid::parse(root.attribute_or_empty("service"));
  const auto enabled = root.attribute_or_empty("enabled");
  Registration read;
  const auto [rest, error] = std::from_chars(enabled.data(), enabled.data() + enabled.size(), read.enabled_ms);
  if (!service || error != std::errc() || rest != enabled.data() + enabled.size()) return std::nullopt;
  read.service = std::move(*service);
  read.node = root.attribute_or_empty("node");
  read.agent = root.attribute_or_empty("agent");
  read.resource = root.attribute_or_empty("resource");
  if (const auto form = root.child("x", core::ns::data_forms)) {
    auto options = read_options(form);
    if (!options) return std::nullopt;
    read.options = std::move(*options);
  }
  return read;
}

std::expected<Registration, StanzaError> read_enable(xml::Element enable) {
  auto service = service_of(enable);
  if (!service) return std::unexpected(service.error());
  Registration read;
  read.service = std::move(*service);
  read.node = enable.attribute_or_empty("node");
  if (!is_token(read.node, max_node)) return std::unexpected(no_token);
  bool has_form = false;
  for (const auto child : enable.children()) {
    if (child.is_text()) continue;
    auto options = child.is("x", core::ns::data_forms) && !has_form ? read_options(child) : std::nullopt;
    if (!options) return std::unexpected(no_token);
    read.options = std::move(*options);
    has_form = true;
  }
  return read;
}

std::expected<Disable, StanzaError> read_disable(xml::Element disable) {
  auto service = service_of(disable);
  if (!service) return std::unexpected(service.error());
  Disable read{.service = std::move(*service), .node = {}};
  if (const auto node = disable.attribute("node")) read.node = std::string(*node);
  return read;
}

}  // namespace valise::modules::push
