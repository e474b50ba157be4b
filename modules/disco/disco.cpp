#include "modules/disco/disco.hpp"

#include "core/namespaces.hpp"
#include "core/result_set.hpp"
#include "core/shard.hpp"
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
    registrar.iq(IqTarget::server, "get", "query", items, [](core::IqRequest r) { server_items(std::move(r)); });
    registrar.iq(IqTarget::account, "get", "query", info, [this](core::IqRequest r) { account_info(std::move(r)); });
    registrar.iq(IqTarget::account, "get", "query", items, [this](core::IqRequest r) { account_items(std::move(r)); });
  }

  void configure(const config::Snapshot& snapshot) override {
    const auto& modules = shard_.kernel().modules;
    hosts_.clear();
    accounts_.clear();
    for (const auto& host : snapshot.hosts()) {
      hosts_[host] = disco::server_info(modules, snapshot.get(contacts, host));
      const auto* settings = shard_.host(host);
      accounts_[host] = disco::account_info(modules, settings == nullptr ? core::HostSettings() : *settings);
    }
  }

  // XEP-0115 §6.3
  [[nodiscard]] std::string stream_features(const std::string& host) const override {
    const auto found = hosts_.find(host);
    return found == hosts_.end() ? std::string() : disco::stream_feature(found->second);
  }

 private:
  void server_info(core::IqRequest request) {
    const auto node = request.payload().attribute_or_empty("node");
    const auto found = hosts_.find(request.host());
    if (found == hosts_.end()) return request.error(unknown_node);
    if (!node.empty() && !is_own_node(node, found->second)) return request.error(unknown_node);
    request.result(to_xml(found->second, node));
  }

  static void server_items(core::IqRequest request) {
    if (!request.payload().attribute_or_empty("node").empty()) return request.error(unknown_node);
    std::string out;
    xml::Writer(out).open("query", core::ns::disco_items).close();
    request.result(std::move(out));
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
      const auto found = accounts_.find(request.account()->jid.domain());
      if (found == accounts_.end()) return request.error(unknown_node);
      return request.result(to_xml(found->second, {}));
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
  core::TextMap<Info> hosts_, accounts_;
};

}  // namespace
}  // namespace disco

const core::Manifest& disco_manifest() {
  static const core::Manifest manifest{
      .name = "disco",
      .summary = "Says what the server and its accounts are and can.",
      .implements = {{"XEP-0030", "2.5.0"}, {"XEP-0128", "1.0.1"}, {"XEP-0157", "1.1.1"}},
      .server_features = {},
      .account_features = {},
      .account_identities = {},
      .stream_features = {},
      .options = [](config::Registry& registry) { registry.add(disco::contacts); },
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> { return std::make_unique<disco::Disco>(shard); },
  };
  return manifest;
}

}  // namespace valise::modules
