// The node itself is PEP's; here is the server's help (XEP-0490 §4.5.1): a message that tells the other side what was
// displayed tells the own devices, too.
#include "modules/displayed/displayed.hpp"

#include "core/namespaces.hpp"
#include "core/shard.hpp"
#include "modules/pep/allow_list.hpp"
#include "modules/pep/own_changes.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace {

using pep::AnswerChanges;
using pep::OwnChanges;

constexpr std::string_view ns_displayed = "urn:xmpp:mds:displayed:0";  // also the node

class Displayed final : public core::Module {
 public:
  explicit Displayed(core::Shard& shard) : shard_(shard) {}

  void start(core::Registrar& registrar) override {
    // Behind all that could refuse the message, before anybody else sees or keeps it.
    registrar.at(core::Stage::policy_out, core::Kind::message, [this](core::Flow& flow) { return take(flow); },
                 {.before = {}, .after = {"policy"}});
  }

 private:
  core::Verdict take(core::Flow& flow) {
    auto& message = *flow.stanza;
    const auto displayed = message.child("displayed", ns_displayed);
    if (!displayed) return nullptr;
    strip(message);
    if (flow.sender == nullptr || !message.to || message.is_error()) return nullptr;
    auto payload = payload_of(message, displayed);
    if (!payload) return nullptr;  // it says nothing that other devices could use
    auto& account = flow.sender->account;
    auto* changes = shard_.service<PepOwnChanges>();
    if (changes == nullptr) return nullptr;
    const auto bytes = payload->size() + message.to->full().size() + sizeof(OwnChanges);
    changes->change(
        account, flow.sender->jid, bytes,
        [id = message.to->str(), payload = std::move(*payload)](core::Account&, AnswerChanges answer) mutable {
          OwnChanges made;
          made.items.push_back({std::string(ns_displayed), std::move(id), std::move(payload)});
          answer(std::move(made));
        },
        [](const std::expected<void, core::StanzaError>&) {});  // the message has no answer that could tell
    return nullptr;
  }

  // §6.2: whoever gets the message must not learn the id in the own archive.
  static void strip(core::Stanza& message) {
    std::string children;
    message.append_children(children);
    const auto document = xml::parse_element("<message>" + children + "</message>", core::ns::client);
    std::string kept;
    bool found = false;
    if (!document) return message.rewrite({});
    for (const auto child : document->root().children()) {
      if (child.is("displayed", ns_displayed)) {
        found = true;
      } else if (child.is_text()) {
        xml::append_escaped_text(kept, child.name());
      } else {
        xml::append_tree(kept, child, core::ns::client);
      }
    }
    if (found) message.rewrite(std::move(kept));
  }

  // §4.1: one stanza-id and nothing else, wherever content is sealed or not.
  static std::optional<std::string> payload_of(const core::Stanza& message, xml::Element displayed) {
    auto payload = pep::allowed_payload(ns_displayed, message.to->full(), displayed);
    if (!payload) return std::nullopt;
    return std::move(*payload);
  }

  core::Shard& shard_;
};

}  // namespace

const core::Manifest& displayed_manifest() {
  static const core::Manifest manifest{
      .name = "displayed",
      .summary = "Lets the devices of a person agree on what was read.",
      .implements = {{"XEP-0490", "1.0.1"}},
      .account_features = {"urn:xmpp:mds:server-assist:0"},
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> { return std::make_unique<Displayed>(shard); },
  };
  return manifest;
}

}  // namespace valise::modules
