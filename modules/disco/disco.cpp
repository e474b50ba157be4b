#include "modules/disco/disco.hpp"

#include "core/namespaces.hpp"
#include "core/result_set.hpp"
#include "core/shard.hpp"
#include "modules/disco/domain_nodes.hpp"
#include "modules/disco/info.hpp"
#include "modules/disco/verification.hpp"
#include "modules/pep/discovery.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace disco {
namespace {

std::string check_address(std::string_view text) {
  if (is_contact_address(text)) return {};
  return "takes \"abuse-addresses=mailto:…\" (or admin-, feedback-, sales-, security-, status-, support-addresses; "
         "mailto:, "
         "xmpp: or https:)";
}

const config::Option<config::Strings> contacts{
    {.name = "disco.contacts",
     .otherwise = {},
     .reason =
         "addresses that the server names to whoever asks (XEP-0157), \"abuse-addresses=mailto:abuse@example.org\"",
     .max = 32,
     .check = &check_address,
     .scope = config::Scope::host,
     .reload = config::Reload::live}};

std::string check_status(std::string_view text) {
  return is_status_address(text) ? std::string() : "takes addresses, \"https://status.example.org/valise.json\"";
}

const config::Option<config::Strings> outage_status{
    {.name = "disco.outage_status",
     .otherwise = {},
     .reason = "addresses of a file, not on this server, in which clients read what is wrong when they can't connect "
               "(XEP-0455)",
     .max = 8,
     .check = &check_status,
     .scope = config::Scope::host,
     .reload = config::Reload::live}};

const core::StanzaError unknown_node{
    .type = core::StanzaError::Type::cancel, .condition = "item-not-found", .text = {}};

class Disco final : public core::Module {
 public:
  explicit Disco(core::Shard& shard) : shard_(shard) {}

  void start(core::Registrar& registrar) override {
    using core::IqTarget;
    const auto info = core::ns::disco_info;
    const auto items = core::ns::disco_items;
    registrar.iq(IqTarget::server, "get", "query", info, [this](core::IqRequest r) { server_info(std::move(r)); });
    registrar.iq(IqTarget::server, "get", "query", items, [this](core::IqRequest r) { server_items(std::move(r)); });
    registrar.iq(IqTarget::account, "get", "query", info, [this](core::IqRequest r) { account_info(std::move(r)); });
    registrar.iq(IqTarget::account, "get", "query", items, [this](core::IqRequest r) { account_items(std::move(r)); });
  }

  void configure(const config::Snapshot& snapshot) override {
    told_.clear();
    said_.clear();
    for (const auto& host : snapshot.hosts()) {
      told_[host] = {.contacts = snapshot.get(contacts, host),
                     .outage_status = snapshot.get(disco::outage_status, host)};
    }
  }

  // XEP-0115 §6.3
  [[nodiscard]] std::string stream_features(const std::string& host) const override {
    const auto* said = said_of(host);
    return said == nullptr ? std::string() : said->caps;
  }

 private:
  struct Said {
    Info server, account;
    std::string caps;  // <c/>
  };
  // Gathered when it is asked for: behind a reload by then every module has read its options. Null: no host of ours.
  [[nodiscard]] const Said* said_of(const std::string& host) const {
    if (const auto known = said_.find(host); known != said_.end()) return &known->second;
    const auto told = told_.find(host);
    if (told == told_.end()) return nullptr;
    const auto& modules = shard_.kernel().modules;
    const auto switched = shard_.features(host);
    Said said{.server = disco::server_info(modules, switched, told->second),
              .account = disco::account_info(modules, switched),
              .caps = {}};
    said.caps = disco::stream_feature(said.server);
    return &said_.emplace(host, std::move(said)).first->second;
  }

  void server_info(core::IqRequest request) {
    const auto node = request.payload().attribute_or_empty("node");
    const auto* said = said_of(request.host());
    if (said == nullptr) return request.error(unknown_node);
    if (node.empty() || is_own_node(node, said->server)) return request.result(to_xml(said->server, node));
    const auto of_room = node_of_room(request, node);
    if (!of_room) return request.error(of_room.error());
    std::string out;
    xml::Writer(out).open("query", core::ns::disco_info).attribute("node", node).raw(of_room->info).close();
    request.result(std::move(out));
  }

  void server_items(core::IqRequest request) const {
    const std::string node(request.payload().attribute_or_empty("node"));
    const auto of_room = node.empty() ? DomainNode() : node_of_room(request, node);
    if (!of_room) return request.error(of_room.error());
    std::vector<std::string> names;
    for (const auto& [name, title] : of_room->items) names.push_back(name);
    answer_items(request, node, names, [&](xml::Writer& writer, std::size_t i) {
      const auto& [name, title] = of_room->items[i];
      writer.open("item").attribute("jid", request.host()).attribute("node", name).attribute_if("name", title).close();
    });
  }

  // A node of the domain that another room has; the error for what is not there, or not for who asks.
  [[nodiscard]] std::expected<DomainNode, core::StanzaError> node_of_room(const core::IqRequest& request,
                                                                          std::string_view node) const {
    const auto* rooms = shard_.service<DomainNodes>();
    auto found = rooms == nullptr ? std::nullopt : rooms->domain_node(request, node);
    if (!found) return std::unexpected(unknown_node);
    return std::move(*found);
  }

  // XEP-0030 §8, RFC 6121 §8.5.1: whoever may not know of the account gets what an unknown address answers.
  [[nodiscard]] bool is_hidden(const core::IqRequest& request, const PepDiscovery* pep) const {
    if (request.from_owner()) return false;
    return pep == nullptr || !pep->is_visible(*request.account(), request.from());
  }

  void account_info(core::IqRequest request) {
    const auto* pep = shard_.service<PepDiscovery>();
    if (is_hidden(request, pep)) return request.error(core::service_unavailable);
    const auto node = request.payload().attribute_or_empty("node");
    if (node.empty()) {
      const auto* said = said_of(std::string(request.account()->jid.domain()));
      if (said == nullptr) return request.error(core::service_unavailable);
      return request.result(to_xml(said->account, {}));
    }
    const auto form = pep == nullptr ? std::nullopt : pep->node_form(*request.account(), request.from(), node);
    if (!form) return request.error(unknown_node);
    std::string out;
    xml::Writer writer(out);
    writer.open("query", core::ns::disco_info).attribute("node", node);
    writer.open("identity").attribute("category", "pubsub").attribute("type", "leaf").close();
    writer.open("feature").attribute("var", core::ns::pubsub).close();
    writer.raw(*form).close();
    request.result(std::move(out));
  }

  // The items in pages where the request asks for them (XEP-0030 §4.6, XEP-0059), each written by `write`.
  static void answer_items(core::IqRequest& request, std::string_view node, const std::vector<std::string>& ids,
                           const std::function<void(xml::Writer&, std::size_t)>& write) {
    const auto wish = core::read_page_wish(request.payload());
    if (!wish) return request.error(wish.error());
    const auto page = core::page_of(ids, wish->value_or(core::PageWish()), ids.size());
    if (!page) return request.error(unknown_node);
    std::string out;
    xml::Writer writer(out);
    writer.open("query", core::ns::disco_items).attribute_if("node", node);
    for (std::size_t i = page->first; i < page->first + page->count; ++i) write(writer, i);
    if (*wish) core::append_page(writer, ids, *page);
    writer.close();
    request.result(std::move(out));
  }

  void account_items(core::IqRequest request) {
    auto* pep = shard_.service<PepDiscovery>();
    if (is_hidden(request, pep)) return request.error(core::service_unavailable);
    const std::string node(request.payload().attribute_or_empty("node"));
    if (!node.empty()) return node_items(std::move(request), pep, node);
    std::vector<std::string> names, titles;
    if (pep != nullptr) {
      pep->each_node(*request.account(), request.from(), [&](std::string_view name, std::string_view title) {
        names.emplace_back(name);
        titles.emplace_back(title);
      });
    }
    const auto jid = request.account()->jid.str();
    answer_items(request, {}, names, [&](xml::Writer& writer, std::size_t i) {
      writer.open("item").attribute("jid", jid).attribute("node", names[i]).attribute_if("name", titles[i]).close();
    });
  }

  // XEP-0060 §5.5.
  static void node_items(core::IqRequest request, PepDiscovery* pep, const std::string& node) {
    if (pep == nullptr || !pep->may_read(*request.account(), request.from(), node)) {
      return request.error(unknown_node);
    }
    const auto& account = *request.account();
    pep->item_ids(
        account, node,
        [jid = account.jid, node, request = std::move(request)](std::optional<std::vector<std::string>> ids) mutable {
          if (!ids) return request.error(core::store_away);
          answer_items(request, node, *ids, [&](xml::Writer& writer, std::size_t i) {
            writer.open("item").attribute("jid", jid.full()).attribute("name", (*ids)[i]).close();
          });
        });
  }

  core::Shard& shard_;
  core::TextMap<disco::Addresses> told_;  // by host
  mutable core::TextMap<Said> said_;      // by host
};

}  // namespace
}  // namespace disco

const core::Manifest& disco_manifest() {
  static const core::Manifest manifest{
      .name = "disco",
      .summary = "Says what the server and its accounts are and can.",
      .implements = {{"XEP-0030", "2.5.0"}, {"XEP-0128", "1.0.1"}, {"XEP-0157", "1.1.1"}, {"XEP-0455", "0.4.0"}},
      .options =
          [](config::Registry& registry) {
            registry.add(disco::contacts);
            registry.add(disco::outage_status);
          },
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> { return std::make_unique<disco::Disco>(shard); },
  };
  return manifest;
}

}  // namespace valise::modules
