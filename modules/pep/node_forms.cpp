// How a configuration is shown (data forms) and stored.
#include <algorithm>
#include <charconv>
#include <limits>

#include "core/namespaces.hpp"
#include "modules/pep/nodes.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

constexpr std::string_view subscriber_prefix = "valise#subscriber:";
constexpr std::string_view affiliation_prefix = "valise#affiliation:";
constexpr std::string_view created_field = "valise#created";

std::string_view name_of(SendLast when) noexcept {
  switch (when) {
    case SendLast::never:
      return "never";
    case SendLast::on_sub:
      return "on_sub";
    case SendLast::on_sub_and_presence:
      return "on_sub_and_presence";
  }
  return "never";
}

std::string_view flag(bool value) noexcept { return value ? "1" : "0"; }

void hidden_form_type(xml::Writer& form, std::string_view type) {
  form.open("field").attribute("var", "FORM_TYPE").attribute("type", "hidden");
  form.element("value", {}, type).close();
}

void text_field(xml::Writer& form, std::string_view name, std::string_view value) {
  form.open("field").attribute("var", name).attribute("type", "text-single").element("value", {}, value).close();
}

void boolean_field(xml::Writer& form, std::string_view name, bool value) {
  form.open("field").attribute("var", name).attribute("type", "boolean").element("value", {}, flag(value)).close();
}

void list_field(xml::Writer& form, std::string_view name, std::string_view value,
                std::initializer_list<std::string_view> options) {
  form.open("field").attribute("var", name).attribute("type", "list-single");
  for (const auto option : options) form.open("option").element("value", {}, option).close();
  form.element("value", {}, value).close();
}

std::string items_text(const NodeConfig& config) {
  return config.max_is_max ? std::string("max") : std::to_string(config.max_items);
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += (out.empty() ? "" : "\n") + line;
  return out;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

void read_hidden(NodeConfig& config, std::string_view name, std::string_view value) {
  if (name.starts_with(subscriber_prefix)) {
    config.subscribers.emplace(name.substr(subscriber_prefix.size()));
  } else if (name.starts_with(affiliation_prefix)) {
    config.affiliations.emplace(name.substr(affiliation_prefix.size()),
                                value == "outcast" ? Affiliation::outcast : Affiliation::member);
  } else if (name == created_field) {
    std::from_chars(value.data(), value.data() + value.size(), config.created_ms);
  }
}

}  // namespace

// Dino submits the whole form that it was given, so it holds nothing that a submit would refuse.
std::string config_form(const NodeConfig& config) {
  std::string out;
  xml::Writer form(out);
  form.open("x", core::ns::data_forms).attribute("type", "form");
  hidden_form_type(form, "http://jabber.org/protocol/pubsub#node_config");
  text_field(form, "pubsub#title", config.title);
  text_field(form, "pubsub#description", config.description);
  text_field(form, "pubsub#type", config.type);
  text_field(form, "pubsub#max_items", items_text(config));
  boolean_field(form, "pubsub#persist_items", config.persist);
  list_field(form, "pubsub#access_model", name_of(config.access), {"open", "presence", "roster", "whitelist"});
  form.open("field").attribute("var", "pubsub#roster_groups_allowed").attribute("type", "text-multi");
  for (const auto& group : config.groups) form.element("value", {}, group);
  form.close();
  list_field(form, "pubsub#publish_model", "publishers", {"publishers"});
  list_field(form, "pubsub#send_last_published_item", name_of(config.send_last),
             {"never", "on_sub", "on_sub_and_presence"});
  boolean_field(form, "pubsub#deliver_notifications", config.deliver_notifications);
  boolean_field(form, "pubsub#deliver_payloads", config.deliver_payloads);
  list_field(form, "pubsub#notification_type", "headline", {"headline"});
  boolean_field(form, "pubsub#notify_delete", config.notify_delete);
  boolean_field(form, "pubsub#notify_retract", config.notify_retract);
  form.close();
  return out;
}

std::string metadata_form(const NodeConfig& config) {
  std::string out;
  xml::Writer form(out);
  form.open("x", core::ns::data_forms).attribute("type", "result");
  hidden_form_type(form, "http://jabber.org/protocol/pubsub#meta-data");
  text_field(form, "pubsub#title", config.title);
  text_field(form, "pubsub#description", config.description);
  text_field(form, "pubsub#type", config.type);
  text_field(form, "pubsub#access_model", name_of(config.access));
  text_field(form, "pubsub#max_items", items_text(config));
  form.close();
  return out;
}

StoredConfig to_stored(const NodeConfig& config) {
  StoredConfig stored{
      {"pubsub#access_model", std::string(name_of(config.access))},
      {"pubsub#deliver_notifications", std::string(flag(config.deliver_notifications))},
      {"pubsub#deliver_payloads", std::string(flag(config.deliver_payloads))},
      {"pubsub#max_items", items_text(config)},
      {"pubsub#notify_delete", std::string(flag(config.notify_delete))},
      {"pubsub#notify_retract", std::string(flag(config.notify_retract))},
      {"pubsub#persist_items", std::string(flag(config.persist))},
      {"pubsub#send_last_published_item", std::string(name_of(config.send_last))},
  };
  if (!config.title.empty()) stored.emplace_back("pubsub#title", config.title);
  if (!config.description.empty()) stored.emplace_back("pubsub#description", config.description);
  if (!config.type.empty()) stored.emplace_back("pubsub#type", config.type);
  if (!config.groups.empty()) stored.emplace_back("pubsub#roster_groups_allowed", joined(config.groups));
  if (config.created_ms != 0) stored.emplace_back(created_field, std::to_string(config.created_ms));
  for (const auto& [jid, affiliation] : config.affiliations) {
    stored.emplace_back(std::string(affiliation_prefix) + jid, name_of(affiliation));
  }
  for (const auto& jid : config.subscribers) stored.emplace_back(std::string(subscriber_prefix) + jid, "");
  std::ranges::sort(stored);
  return stored;
}

NodeConfig from_stored(std::string_view node, const StoredConfig& stored) {
  constexpr NodeLimits limits{.max_items = std::numeric_limits<std::uint32_t>::max()};
  auto config = default_config(node);
  for (const auto& [name, value] : stored) {
    if (name.starts_with("valise#")) {
      read_hidden(config, name, value);
      continue;
    }
    const auto values = name == "pubsub#roster_groups_allowed" ? split_lines(value) : std::vector{value};
    if (auto changed = apply(config, node, {{name, values}}, limits, false)) config = std::move(*changed);
  }
  return config;
}

}  // namespace valise::modules::pep
