#include "modules/carbons/carbons.hpp"

#include <algorithm>

#include "core/copies.hpp"
#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/carbons/eligible.hpp"
#include "modules/carbons/exchanged.hpp"

namespace valise::modules {
namespace carbons {
namespace {

// §4.1, §5.1.
const core::StanzaError not_yours{
    .type = core::StanzaError::Type::cancel,
    .condition = "not-allowed",
    .text = {"This is for the account's own devices.", "Ceci est réservé aux appareils du compte."}};

struct Wish final : core::Part {
  bool enabled = false;
};

struct History final : core::Part {
  Exchanged exchanged;
};

class Carbons final : public core::Module, private core::MessageCopies {
 public:
  explicit Carbons(core::Shard& shard) : shard_(shard) {}

  void start(core::Registrar& registrar) override {
    wishes_ = registrar.session_part();
    histories_ = registrar.account_part();
    for (const bool on : {true, false}) {
      registrar.iq(core::IqTarget::account, "set", on ? "enable" : "disable", ns_carbons,
                   [this, on](core::IqRequest request) { turn(std::move(request), on); });
    }
    // XEP-0386 §3.2: it always succeeds, and there is no answer.
    registrar.bind_feature(ns_carbons, "enable", ns_carbons, [this](core::Session& session, xml::Element) {
      if (!is_enabled(session)) set(session, true);
      return std::string();
    });
    registrar.on_session(core::SessionEvent::closed, [this](core::Session& session) {
      if (is_enabled(session)) set(session, false);
    });
    registrar.message_copies(*this);
  }

 private:
  // §10.1: as often as the client likes.
  void turn(core::IqRequest request, bool on) const {
    if (request.session() == nullptr) return request.error(not_yours);
    if (is_enabled(*request.session()) != on) set(*request.session(), on);
    request.result();
  }

  void set(core::Session& session, bool on) const {
    session.ensure_part<Wish>(wishes_).enabled = on;
    auto& watchers = *session.account.watchers;
    on ? watchers.come() : watchers.go();
  }

  [[nodiscard]] bool is_enabled(const core::Session& session) const {
    const auto* wish = session.part<Wish>(wishes_);
    return wish != nullptr && wish->enabled;
  }

  [[nodiscard]] Exchanged& exchanged(core::Account& account) const {
    return account.ensure_part<History>(histories_).exchanged;
  }

  // §6.1. `peer`: the other side of the message.
  [[nodiscard]] bool is_copied(const core::Account& account, const core::Stanza& message, Direction direction,
                               const core::Jid& peer) const {
    if (message.is_error()) return account.part_or_empty<History>(histories_).exchanged.knows(peer.bare(), message.id);
    return is_eligible(message, direction, shard_.host(message.from.domain()) != nullptr);
  }

  // Whether the session sees a message that it neither sent (§8) nor, as one of `receivers`, gets itself (§7).
  [[nodiscard]] bool sees(const core::Session& session, const core::Stanza& message,
                          std::span<const std::uint64_t> receivers) const {
    return is_enabled(session) && session.jid.full() != message.from.full() &&
           std::ranges::find(receivers, session.id) == receivers.end();
  }

  // -- core::MessageCopies

  bool is_watched(const core::Account& account, const core::Stanza& message) const override {
    const auto sees_it = [&](const auto* session) { return sees(*session, message, {}); };
    return is_copied(account, message, Direction::received, message.from) &&
           std::ranges::any_of(account.sessions, sees_it);
  }

  // To oneself it is one that was sent, and each device gets it once.
  void arrived(core::Account& account, const core::Stanza& message, std::span<const std::uint64_t> receivers,
               std::uint64_t id, std::string_view extra) override {
    if (!is_copied(account, message, Direction::received, message.from)) return;
    if (!message.is_error()) exchanged(account).remember(message.from.bare(), message.id);
    copy(account, message, message.from.same_bare(account.jid) ? "sent" : "received", receivers, id, extra);
  }

  void sent(core::Account& account, const core::Stanza& message, std::uint64_t id, std::string_view extra) override {
    if (!is_copied(account, message, Direction::sent, *message.to)) return;
    if (!message.is_error()) exchanged(account).remember(message.to->bare(), message.id);
    copy(account, message, "sent", {}, id, extra);
  }

  // Written once for all sessions. This is the message's place in the order already; it waits only where a session is
  // still to get older ones.
  void copy(const core::Account& account, const core::Stanza& message, std::string_view how,
            std::span<const std::uint64_t> receivers, std::uint64_t id, std::string_view extra) const {
    core::StanzaPtr carbon;
    auto* waiting = shard_.service<core::WaitingRows>();
    const auto sessions = account.sessions;
    for (auto* session : sessions) {
      if (!sees(*session, message, receivers)) continue;
      if (!carbon) carbon = wrap(account, message, how, extra);
      if (waiting != nullptr && waiting->keeps_behind(*session, id, carbon)) continue;
      session->stream.deliver(carbon, &session->jid, {});
    }
  }

  // §7, §8: from the own bare address, of the same type.
  static core::StanzaPtr wrap(const core::Account& account, const core::Stanza& message, std::string_view how,
                              std::string_view extra) {
    auto carbon = make_ref<core::Stanza>();
    carbon->type = message.type;
    carbon->from = account.jid;
    auto& out = carbon->children;
    out.reserve(message.memory() + extra.size() + 256);
    out.append("<")
        .append(how)
        .append(" xmlns='")
        .append(ns_carbons)
        .append("'><forwarded xmlns='urn:xmpp:forward:0'>");
    message.append_forwarded(out, extra);
    out.append("</forwarded></").append(how).append(">");
    return carbon;
  }

  core::Shard& shard_;
  unsigned wishes_ = 0;
  unsigned histories_ = 0;
};

}  // namespace
}  // namespace carbons

const core::Manifest& carbons_manifest() {
  static const core::Manifest manifest{
      .name = "carbons",
      .summary = "What one device of an account gets or sends, its others see.",
      .implements = {{"XEP-0280", "1.0.1"}, {"XEP-0297", "1.0", core::Completeness::partial}},
      .server_features = {carbons::ns_carbons, "urn:xmpp:carbons:rules:0"},
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<carbons::Carbons>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
