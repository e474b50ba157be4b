// How a configuration is shown (data forms) and stored.
#include <algorithm>
#include <charconv>
#include <limits>

#include "base/clock.hpp"
#include "core/namespaces.hpp"
#include "modules/pep/node_fields.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

constexpr std::string_view subscriber_prefix = "valise#subscriber:";
constexpr std::string_view pending_prefix = "valise#pending:";
constexpr std::string_view affiliation_prefix = "valise#affiliation:";
constexpr std::string_view unlisted_prefix = "valise#unlisted:";
constexpr std::string_view created_field = "valise#created";
constexpr std::string_view groups_field = "pubsub#roster_groups_allowed";
constexpr NodeLimits stored_limits{.max_items = std::numeric_limits<std::uint32_t>::max(),
                                   .item_bytes = std::numeric_limits<std::uint32_t>::max()};

std::string_view name_of(Field::Type type) noexcept {
  switch (type) {
    case Field::Type::text_single:
      return "text-single";
    case Field::Type::boolean:
      return "boolean";
    case Field::Type::list_single:
      return "list-single";
    case Field::Type::text_multi:
      return "text-multi";
  }
  return "text-single";
}

void open_form(xml::Writer& form, std::string_view type, std::string_view form_type) {
  form.open("x", core::ns::data_forms).attribute("type", type);
  form.open("field").attribute("var", "FORM_TYPE").attribute("type", "hidden");
  form.element("value", {}, form_type).close();
}

void append_field(xml::Writer& form, const Field& field, const NodeConfig& config, const NodeLimits& limits) {
  form.open("field").attribute("var", field.name).attribute("type", name_of(field.type));
  for (const auto option : field.options) form.open("option").element("value", {}, option).close();
  for (const auto& value : field.get(config, limits)) form.element("value", {}, value);
  form.close();
}

void append_value(xml::Writer& form, std::string_view name, std::string_view type, std::string_view value) {
  form.open("field").attribute("var", name).attribute("type", type).element("value", {}, value).close();
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

template <class Number>
bool read_number(std::string_view text, Number& number) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

void read_hidden(NodeConfig& config, std::string_view name, std::string_view value) {
  if (name.starts_with(subscriber_prefix)) {
    config.subscribers.emplace(name.substr(subscriber_prefix.size()));
  } else if (name.starts_with(pending_prefix)) {
    config.pending.emplace(name.substr(pending_prefix.size()));
  } else if (name.starts_with(affiliation_prefix)) {
    const auto affiliation = affiliation_of(value).value_or(Affiliation::none);
    if (affiliation != Affiliation::none) {
      config.affiliations.emplace(name.substr(affiliation_prefix.size()), affiliation);
    }
  } else if (name.starts_with(unlisted_prefix)) {
    std::uint32_t device = 0;
    std::int64_t since_ms = 0;
    if (read_number(name.substr(unlisted_prefix.size()), device) && read_number(value, since_ms)) {
      config.unlisted.emplace(device, since_ms);
    }
  } else if (name == created_field) {
    read_number(value, config.created_ms);
  }
}

}  // namespace

// Dino submits the whole form that it was given, so it holds nothing that a submit would refuse.
std::string config_form(const NodeConfig& config, const NodeLimits& limits) {
  std::string out;
  xml::Writer form(out);
  open_form(form, "form", "http://jabber.org/protocol/pubsub#node_config");
  for (const auto& field : node_fields()) append_field(form, field, config, limits);
  form.close();
  return out;
}

std::string changed_form(const NodeConfig& config, const NodeLimits& limits) {
  std::string out;
  xml::Writer form(out);
  open_form(form, "result", "http://jabber.org/protocol/pubsub#node_config");
  for (const auto& field : node_fields()) {
    if (field.name != groups_field) append_field(form, field, config, limits);
  }
  form.close();
  return out;
}

std::string metadata_form(const NodeConfig& config, const NodeLimits& limits, std::string_view owner) {
  std::string out;
  xml::Writer form(out);
  open_form(form, "result", "http://jabber.org/protocol/pubsub#meta-data");
  for (const auto& field : node_fields()) {
    if (field.name != groups_field) append_value(form, field.name, "text-single", field.get(config, limits).front());
  }
  append_value(form, "pubsub#owner", "jid-multi", owner);
  append_value(form, "pubsub#num_subscribers", "text-single", std::to_string(config.subscribers.size()));
  if (config.created_ms != 0) {
    append_value(form, "pubsub#creation_date", "text-single", format_utc_ms(config.created_ms));
  }
  form.close();
  return out;
}

// Of the fields only those that are not as in a NodeConfig that nobody touched.
StoredConfig to_stored(const NodeConfig& config) {
  const NodeConfig untouched;
  StoredConfig stored;
  for (const auto& field : node_fields()) {
    auto values = field.get(config, stored_limits);
    if (values != field.get(untouched, stored_limits)) stored.emplace_back(field.name, joined(values));
  }
  if (config.created_ms != 0) stored.emplace_back(created_field, std::to_string(config.created_ms));
  for (const auto& [jid, affiliation] : config.affiliations) {
    stored.emplace_back(std::string(affiliation_prefix) + jid, pep::name_of(affiliation));
  }
  for (const auto& jid : config.subscribers) stored.emplace_back(std::string(subscriber_prefix) + jid, "");
  for (const auto& jid : config.pending) stored.emplace_back(std::string(pending_prefix) + jid, "");
  for (const auto& [device, since_ms] : config.unlisted) {
    stored.emplace_back(std::string(unlisted_prefix) + std::to_string(device), std::to_string(since_ms));
  }
  std::ranges::sort(stored);
  return stored;
}

NodeConfig from_stored(std::string_view node, const StoredConfig& stored) {
  NodeConfig config = is_forced(classify(node).kind) ? default_config(node) : NodeConfig();
  for (const auto& [name, value] : stored) {
    if (name.starts_with("valise#")) {
      read_hidden(config, name, value);
      continue;
    }
    const auto values = name == groups_field ? split_lines(value) : std::vector{value};
    if (auto changed = apply(config, node, {{name, values}}, stored_limits, false)) config = std::move(*changed);
  }
  return config;
}

}  // namespace valise::modules::pep
