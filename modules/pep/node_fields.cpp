#include "modules/pep/node_fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace valise::modules::pep {
namespace {

using Set = std::expected<void, ConfigFault>;
using Values = Field::Values;
const auto unacceptable = std::unexpected(ConfigFault::not_acceptable);

template <class E>
using Names = std::pair<std::string_view, E>;
constexpr Names<AccessModel> access_models[] = {{"open", AccessModel::open},
                                                {"presence", AccessModel::presence},
                                                {"roster", AccessModel::roster},
                                                {"whitelist", AccessModel::whitelist},
                                                {"authorize", AccessModel::authorize}};
constexpr Names<PublishModel> publish_models[] = {
    {"publishers", PublishModel::publishers}, {"subscribers", PublishModel::subscribers}, {"open", PublishModel::open}};
constexpr Names<SendLast> send_lasts[] = {
    {"never", SendLast::never}, {"on_sub", SendLast::on_sub}, {"on_sub_and_presence", SendLast::on_sub_and_presence}};
constexpr Names<NodeFull> when_full[] = {{"retract-oldest", NodeFull::retract_oldest},
                                         {"discard-oldest", NodeFull::discard_oldest},
                                         {"reject", NodeFull::reject}};
constexpr Names<bool> notification_types[] = {{"headline", true}, {"normal", false}};
constexpr Names<bool> item_replies[] = {{"owner", false}, {"publisher", true}};
constexpr Names<Affiliation> affiliations[] = {{"none", Affiliation::none},
                                               {"outcast", Affiliation::outcast},
                                               {"member", Affiliation::member},
                                               {"publisher", Affiliation::publisher},
                                               {"publish-only", Affiliation::publish_only}};

template <class E, std::size_t n>
constexpr std::optional<E> value_of(const Names<E> (&table)[n], std::string_view name) noexcept {
  for (const auto& [known, value] : table) {
    if (known == name) return value;
  }
  return std::nullopt;
}

template <class E, std::size_t n>
constexpr std::string_view name_in(const Names<E> (&table)[n], E wanted) noexcept {
  for (const auto& [known, value] : table) {
    if (value == wanted) return known;
  }
  return {};
}

template <class E, std::size_t n>
constexpr std::array<std::string_view, n> names_of(const Names<E> (&table)[n]) noexcept {
  std::array<std::string_view, n> names;
  for (std::size_t i = 0; i < n; ++i) names[i] = table[i].first;
  return names;
}

constexpr auto access_names = names_of(access_models);
constexpr auto publish_names = names_of(publish_models);
constexpr auto send_last_names = names_of(send_lasts);
constexpr auto full_names = names_of(when_full);
constexpr auto notification_names = names_of(notification_types);
constexpr auto reply_names = names_of(item_replies);
constexpr std::array<std::string_view, 1> leaf{"leaf"};

std::string_view first(const Values& values) noexcept {
  return values.empty() ? std::string_view() : std::string_view(values.front());
}

std::optional<std::int64_t> number(std::string_view text) noexcept {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

std::optional<bool> boolean(std::string_view text) noexcept {
  if (text == "1" || text == "true") return true;
  if (text == "0" || text == "false") return false;
  return std::nullopt;
}

template <bool NodeConfig::* member>
constexpr Field flag(std::string_view name) {
  return {.name = name,
          .type = Field::Type::boolean,
          .get = [](const NodeConfig& config, const NodeLimits&) { return Values{config.*member ? "1" : "0"}; },
          .set = [](NodeConfig& config, const Values& values, const NodeLimits&) -> Set {
            const auto value = boolean(first(values));
            if (!value) return unacceptable;
            config.*member = *value;
            return {};
          }};
}

// A flag that has one value here.
template <bool value>
constexpr Field always(std::string_view name) {
  return {.name = name,
          .type = Field::Type::boolean,
          .get = [](const NodeConfig&, const NodeLimits&) { return Values{value ? "1" : "0"}; },
          .set = [](NodeConfig&, const Values& values, const NodeLimits&) -> Set {
            if (boolean(first(values)) != value) return unacceptable;
            return {};
          }};
}

template <std::string NodeConfig::* member>
constexpr Field text(std::string_view name) {
  return {.name = name,
          .type = Field::Type::text_single,
          .get = [](const NodeConfig& config, const NodeLimits&) { return Values{config.*member}; },
          .set = [](NodeConfig& config, const Values& values, const NodeLimits&) -> Set {
            if (first(values).size() > max_node_text) return unacceptable;
            config.*member = first(values);
            return {};
          }};
}

template <const auto& table, const auto& names, auto member>
constexpr Field choice(std::string_view name) {
  return {.name = name,
          .type = Field::Type::list_single,
          .options = names,
          .get = [](const NodeConfig& config,
                    const NodeLimits&) { return Values{std::string(name_in(table, config.*member))}; },
          .set = [](NodeConfig& config, const Values& values, const NodeLimits&) -> Set {
            const auto value = value_of(table, first(values));
            if (!value) return unacceptable;
            config.*member = *value;
            return {};
          }};
}

Set set_access(NodeConfig& config, const Values& values, const NodeLimits&) {
  const auto model = value_of(access_models, first(values));
  if (!model) return std::unexpected(ConfigFault::unsupported_access_model);
  config.access = *model;
  return {};
}

Values get_max_items(const NodeConfig& config, const NodeLimits&) {
  return {config.max_is_max ? std::string("max") : std::to_string(config.max_items)};
}

Set set_max_items(NodeConfig& config, const Values& values, const NodeLimits& limits) {
  config.max_is_max = first(values) == "max";
  config.max_items = 0;
  if (config.max_is_max) return {};
  const auto value = number(first(values));
  if (!value || *value > limits.max_items) return unacceptable;
  config.max_items = static_cast<std::uint32_t>(*value);
  return {};
}

Values get_expire(const NodeConfig& config, const NodeLimits&) {
  return {config.item_expire_s == 0 ? std::string("max") : std::to_string(config.item_expire_s)};
}

Set set_expire(NodeConfig& config, const Values& values, const NodeLimits&) {
  config.item_expire_s = 0;
  if (first(values) == "max") return {};
  const auto value = number(first(values));
  if (!value || *value > max_item_expire_s) return unacceptable;
  config.item_expire_s = *value;
  return {};
}

Values get_payload_size(const NodeConfig& config, const NodeLimits& limits) {
  return {std::to_string(payload_limit(config, limits))};
}

// The server's own limit is no wish: it may change.
Set set_payload_size(NodeConfig& config, const Values& values, const NodeLimits& limits) {
  const auto value = number(first(values));
  if (!value || *value > limits.item_bytes) return unacceptable;
  config.max_payload_size = *value == limits.item_bytes ? 0 : static_cast<std::uint32_t>(*value);
  return {};
}

Set set_groups(NodeConfig& config, const Values& groups, const NodeLimits&) {
  if (groups.size() > 32) return unacceptable;
  for (const auto& group : groups) {
    if (group.size() > max_node_text || group.find('\n') != std::string::npos) return unacceptable;
  }
  config.groups = groups;
  std::erase(config.groups, std::string());  // the one value of a field that says nothing
  std::ranges::sort(config.groups);
  const auto repeated = std::ranges::unique(config.groups);
  config.groups.erase(repeated.begin(), repeated.end());
  return {};
}

Set set_node_type(NodeConfig&, const Values& values, const NodeLimits&) {
  if (first(values) == "leaf") return {};
  return std::unexpected(ConfigFault::unsupported_collection);  // XEP-0248
}

using Type = Field::Type;
constexpr Field fields[] = {
    text<&NodeConfig::title>("pubsub#title"),
    text<&NodeConfig::description>("pubsub#description"),
    text<&NodeConfig::type>("pubsub#type"),
    text<&NodeConfig::language>("pubsub#language"),
    {.name = "pubsub#node_type",
     .type = Type::list_single,
     .options = leaf,
     .get = [](const NodeConfig&, const NodeLimits&) { return Values{"leaf"}; },
     .set = &set_node_type},
    {.name = "pubsub#access_model",
     .type = Type::list_single,
     .options = access_names,
     .get = [](const NodeConfig& config, const NodeLimits&) { return Values{std::string(name_of(config.access))}; },
     .set = &set_access},
    {.name = "pubsub#roster_groups_allowed",
     .type = Type::text_multi,
     .get = [](const NodeConfig& config, const NodeLimits&) { return config.groups; },
     .set = &set_groups},
    flag<&NodeConfig::subscribe>("pubsub#subscribe"),
    choice<publish_models, publish_names, &NodeConfig::publish>("pubsub#publish_model"),
    flag<&NodeConfig::persist>("pubsub#persist_items"),
    {.name = "pubsub#max_items", .type = Type::text_single, .get = &get_max_items, .set = &set_max_items},
    choice<when_full, full_names, &NodeConfig::full>("pubsub#publish_node_full"),
    {.name = "pubsub#item_expire", .type = Type::text_single, .get = &get_expire, .set = &set_expire},
    {.name = "pubsub#max_payload_size", .type = Type::text_single, .get = &get_payload_size, .set = &set_payload_size},
    choice<item_replies, reply_names, &NodeConfig::names_publisher>("pubsub#itemreply"),
    choice<send_lasts, send_last_names, &NodeConfig::send_last>("pubsub#send_last_published_item"),
    flag<&NodeConfig::deliver_notifications>("pubsub#deliver_notifications"),
    flag<&NodeConfig::deliver_payloads>("pubsub#deliver_payloads"),
    choice<notification_types, notification_names, &NodeConfig::headline>("pubsub#notification_type"),
    flag<&NodeConfig::notify_config>("pubsub#notify_config"),
    flag<&NodeConfig::notify_delete>("pubsub#notify_delete"),
    flag<&NodeConfig::notify_retract>("pubsub#notify_retract"),
    flag<&NodeConfig::notify_sub>("pubsub#notify_sub"),
    always<true>("pubsub#presence_based_delivery"),  // events are never stored for later
    always<false>("pubsub#purge_offline"),
    always<false>("pubsub#tempsub"),  // only those of devices end with their sessions
};

}  // namespace

std::string_view name_of(AccessModel model) noexcept { return name_in(access_models, model); }
std::string_view name_of(PublishModel model) noexcept { return name_in(publish_models, model); }
std::string_view name_of(SendLast when) noexcept { return name_in(send_lasts, when); }
std::string_view name_of(Affiliation affiliation) noexcept { return name_in(affiliations, affiliation); }
std::optional<Affiliation> affiliation_of(std::string_view name) noexcept { return value_of(affiliations, name); }

std::span<const Field> node_fields() noexcept { return fields; }

const Field* find_field(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(fields, name, &Field::name);
  return found == std::end(fields) ? nullptr : found;
}

bool is_prose(std::string_view field) noexcept {
  return field == "pubsub#title" || field == "pubsub#description" || field == "pubsub#type" ||
         field == "pubsub#language";
}

std::expected<NodeConfig, ConfigFault> apply(NodeConfig config, std::string_view node, const Fields& wanted,
                                             const NodeLimits& limits, bool sealed) {
  if (const auto kind = classify(node).kind; is_forced(kind)) {
    // Success, and only what may be asked is heard: whether deletions are told.
    for (const auto& [name, values] : wanted) {
      const auto value = boolean(first(values));
      if (value && name == "pubsub#notify_delete") config.notify_delete = *value;
      if (value && name == "pubsub#notify_retract") config.notify_retract = *value;
    }
    return config;
  }
  for (const auto& [name, values] : wanted) {
    const auto* field = find_field(name);
    if (field == nullptr || (sealed && is_prose(name))) continue;
    if (auto set = field->set(config, values, limits); !set) return std::unexpected(set.error());
    if (sealed && name == "pubsub#publish_model" && config.publish != PublishModel::publishers) return unacceptable;
  }
  if (sealed && is_private(node)) config.access = AccessModel::whitelist;
  return config;
}

bool meets(const NodeConfig& config, std::string_view node, const Fields& preconditions, const NodeLimits& limits) {
  if (is_forced(classify(node).kind)) return true;
  return std::ranges::all_of(preconditions, [&](const auto& wish) {
    const auto* field = find_field(wish.first);
    NodeConfig wanted = config;
    if (field == nullptr || !field->set(wanted, wish.second, limits)) return false;
    // "max" and the number that it stands for are the same wish.
    if (items_kept(wanted, node, limits) != items_kept(config, node, limits)) return false;
    wanted.max_is_max = config.max_is_max;
    wanted.max_items = config.max_items;
    return wanted == config;
  });
}

}  // namespace valise::modules::pep
