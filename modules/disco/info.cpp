#include "modules/disco/info.hpp"

#include <algorithm>
#include <array>

#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::modules::disco {
namespace {

constexpr std::array<std::string_view, 7> contact_fields{"abuse-addresses",  "admin-addresses",    "feedback-addresses",
                                                         "sales-addresses",  "security-addresses", "status-addresses",
                                                         "support-addresses"};

void add_basics(Info& info) {
  info.features.emplace_back(core::ns::disco_info);
  info.features.emplace_back(core::ns::disco_items);
}

void tidy(Info& info) {
  std::ranges::sort(info.features);
  info.features.erase(std::ranges::unique(info.features).begin(), info.features.end());
  std::ranges::sort(info.identities);
  info.identities.erase(std::ranges::unique(info.identities).begin(), info.identities.end());
}

Form contact_form(const std::vector<std::string>& addresses) {
  Form form{.type = "http://jabber.org/network/serverinfo"};
  for (const auto field : contact_fields) {
    std::vector<std::string> values;
    for (const auto& address : addresses) {
      if (is_contact_address(address) && address.substr(0, address.find('=')) == field) {
        values.push_back(address.substr(field.size() + 1));
      }
    }
    if (!values.empty()) form.fields.emplace_back(field, std::move(values));
  }
  return form;
}

}  // namespace

bool is_contact_address(std::string_view text) noexcept {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || text.size() > 256) return false;
  const auto address = text.substr(equals + 1);
  const bool known = address.starts_with("mailto:") || address.starts_with("xmpp:") || address.starts_with("https:");
  return known && std::ranges::find(contact_fields, text.substr(0, equals)) != contact_fields.end();
}

bool is_status_address(std::string_view text) noexcept {
  constexpr std::string_view scheme = "https://";
  if (!text.starts_with(scheme) || text.size() == scheme.size() || text.size() > 1'024) return false;
  return std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\' && c != '^' && c != '`' && c != '{' &&
           c != '|' && c != '}';  // RFC 3986 §2
  });
}

Info server_info(const std::vector<const core::Manifest*>& modules, const core::Features& switched,
                 const Addresses& addresses) {
  Info info;
  info.features.assign(switched.server.begin(), switched.server.end());
  info.identities.push_back({"server", "im", "", "Valise"});
  add_basics(info);
  for (const auto* manifest : modules) {
    for (const auto feature : manifest->server_features) info.features.emplace_back(feature);
    // Converse looks for PEP on the domain when an account does not answer.
    for (const auto& identity : manifest->account_identities) {
      info.identities.push_back(
          {std::string(identity.category), std::string(identity.type), "", std::string(identity.name)});
    }
  }
  tidy(info);
  if (auto form = contact_form(addresses.contacts); !form.fields.empty()) info.forms.push_back(std::move(form));
  if (!addresses.outage_status.empty()) {
    info.forms.push_back(
        {.type = "urn:xmpp:sos:0", .fields = {{"external-status-addresses", addresses.outage_status}}});
  }
  return info;
}

Info account_info(const std::vector<const core::Manifest*>& modules, const core::Features& switched) {
  Info info;
  info.features.assign(switched.account.begin(), switched.account.end());
  info.identities.push_back({"account", "registered", "", ""});
  add_basics(info);
  for (const auto* manifest : modules) {
    for (const auto feature : manifest->account_features) info.features.emplace_back(feature);
    for (const auto& identity : manifest->account_identities) {
      info.identities.push_back(
          {std::string(identity.category), std::string(identity.type), "", std::string(identity.name)});
    }
  }
  tidy(info);
  return info;
}

std::string to_xml(const Info& info, std::string_view node) {
  std::string out;
  xml::Writer writer(out);
  writer.open("query", core::ns::disco_info).attribute_if("node", node);
  for (const auto& identity : info.identities) {
    writer.open("identity").attribute("category", identity.category).attribute("type", identity.type);
    writer.attribute_if("xml:lang", identity.lang).attribute_if("name", identity.name).close();
  }
  for (const auto& feature : info.features) writer.open("feature").attribute("var", feature).close();
  for (const auto& form : info.forms) {
    writer.open("x", core::ns::data_forms).attribute("type", "result");
    writer.open("field").attribute("var", "FORM_TYPE").attribute("type", "hidden");
    writer.element("value", {}, form.type).close();
    for (const auto& [name, values] : form.fields) {
      writer.open("field").attribute("var", name).attribute("type", "list-multi");
      for (const auto& value : values) writer.element("value", {}, value);
      writer.close();
    }
    writer.close();
  }
  writer.close();
  return out;
}

}  // namespace valise::modules::disco
