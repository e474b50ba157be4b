#include "modules/labels/labels.hpp"

#include "base/crypto.hpp"
#include "core/namespaces.hpp"
#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/labels/options.hpp"
#include "modules/omemo/texts.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace labels {
namespace {

using core::StanzaError;

constexpr std::string_view ns_catalog = "urn:xmpp:sec-label:catalog:2";

const StanzaError jid_malformed{.type = StanzaError::Type::modify, .condition = "jid-malformed"};
// §5: where no label is prescribed, one is a violation of the protocol.
const StanzaError misplaced{.type = StanzaError::Type::modify,
                            .condition = "bad-request",
                            .text = {"Only a message may carry a classification label.",
                                     "Seul un message peut porter une mention de classification."}};

class LabelsModule final : public core::Module {
 public:
  explicit LabelsModule(core::Shard& shard) : shard_(shard) {}

  void start(core::Registrar& registrar) override {
    registrar.iq(core::IqTarget::server, "get", "catalog", ns_catalog,
                 [this](core::IqRequest request) { catalog(std::move(request)); });
    // Before what is sealed is written anew: the name is a fact for rules about what is not sealed, too.
    for (const auto kind : {core::Kind::message, core::Kind::presence, core::Kind::iq}) {
      registrar.at(core::Stage::sealed, kind, [this](core::Flow& flow) { return look(*flow.stanza); },
                   {.before = {"omemo"}, .after = {}});
    }
  }

  void configure(const config::Snapshot& snapshot) override {
    offers_.clear();
    for (const auto& host : snapshot.hosts()) {
      if (auto offer = offer_of(snapshot, host); offer.catalogue) offers_[host] = std::move(offer);
    }
  }

  [[nodiscard]] core::Features features(const std::string& host) const override {
    if (offers_.find(host) == offers_.end()) return {};
    return {.server = {core::ns::security_label, ns_catalog}, .account = {}};  // §2, §4
  }

 private:
  [[nodiscard]] const Offer* offer_of_host(std::string_view host) const {
    const auto found = offers_.find(host);
    return found == offers_.end() ? nullptr : &found->second;
  }

  // Whatever mode holds for the host: a label that nobody can vouch for would be believed. The sender's host counts.
  core::Verdict look(core::Stanza& stanza) const {
    const auto* offer = offer_of_host(stanza.from.domain());
    if (offer == nullptr) return nullptr;
    const auto found = core::labels_in(stanza.root());
    if (found.count == 0) return nullptr;
    if (stanza.kind != core::Kind::message || stanza.is_error()) return refuse_misplaced();
    if (found.count == 1) stanza.label = offer->catalogue->find(found.first);
    return stanza.label ? nullptr : omemo::refuse(omemo::Reason::label);
  }

  // Of an error nobody is told: it goes nowhere (§5), like each error that is refused.
  static core::Verdict refuse_misplaced() {
    return core::make_refusal(misplaced, omemo::code_of(omemo::Reason::label));
  }

  // §4. `from` is for other servers, and ignored.
  void catalog(core::IqRequest request) {
    const auto* offer = offer_of_host(request.host());
    if (offer == nullptr) return request.error(core::service_unavailable);
    const auto wanted = request.payload().attribute("to");
    const auto to = core::Jid::parse(wanted.value_or(request.from().domain()));
    if (!to) return request.error(jid_malformed);
    std::string items;
    const auto size = append_items(items, *offer, request.session(), *to);
    std::string out;
    xml::Writer writer(out);
    writer.open("catalog", ns_catalog).attribute("to", to->full()).attribute_if("name", offer->name);
    writer.attribute_if("desc", offer->description);
    writer.attribute("id", crypto::hex_encode(crypto::digest(crypto::Hash::sha256, items).substr(0, 8)));
    writer.attribute("size", std::to_string(size)).attribute("restrict", offer->restricts ? "true" : "false");
    writer.raw(items).close();
    request.result(std::move(out));
  }

  // Those that the rules would let this session send there now; how many.
  [[nodiscard]] std::size_t append_items(std::string& out, const Offer& offer, const core::Session* sender,
                                         const core::Jid& to) const {
    auto* rules = sender == nullptr ? nullptr : shard_.service<core::Rules>();
    std::size_t size = 0;
    xml::Writer writer(out);
    for (const auto& item : offer.catalogue->items()) {
      const auto label = item.label ? std::string_view(item.label->name) : std::string_view();
      if (rules != nullptr && !rules->would_pass({.sender = *sender, .to = to, .label = label})) continue;
      writer.open("item").attribute("selector", item.selector);
      writer.attribute_if("default", item.name() == offer.otherwise ? "true" : "");
      if (item.label) writer.raw(item.label->xml);
      writer.close();
      ++size;
    }
    return size;
  }

  core::Shard& shard_;
  core::TextMap<Offer> offers_;  // by host; none: it has no labels
};

}  // namespace
}  // namespace labels

const core::Manifest& labels_manifest() {
  static const core::Manifest manifest{
      .name = "labels",
      .summary = "Lets classification labels of a catalogue stand beside sealed messages, for people and rules.",
      .implements = {{"XEP-0258", "1.1.1", core::Completeness::partial}},
      .options = &labels::add_options,
      .check = &labels::check_labels,
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<labels::LabelsModule>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
