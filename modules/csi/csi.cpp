#include "modules/csi/csi.hpp"

#include "core/shard.hpp"
#include "modules/csi/held.hpp"
#include "modules/csi/urgency.hpp"

namespace valise::modules {
namespace csi {
namespace {

constexpr std::string_view ns_csi = "urn:xmpp:csi:0";

const config::Option<bool> enabled_option{
    {.name = "csi.enabled",
     .otherwise = true,
     .reason = "clients may say that nobody looks at them (XEP-0352); presence and events then wait, which spares "
               "batteries",
     .reload = config::Reload::live}};
const config::Option<std::int64_t> queue_option{
    {.name = "csi.queue",
     .otherwise = 32'768,
     .reason = "what waits for one client that nobody looks at; more is sent at once",
     .unit = config::Unit::bytes,
     .min = 0,
     .max = 1'048'576,
     .reload = config::Reload::live,
     .needs = {{"csi.enabled"}}}};

// A session whose client is inactive.
struct Idle final : core::Part, core::Outlet {
  bool keeps(const core::StanzaPtr& stanza, const core::Jid* to, std::string_view extra) override;
  void release() override;

  core::Session* session = nullptr;
  std::size_t most_bytes = 0;
  Held held;
};

bool Idle::keeps(const core::StanzaPtr& stanza, const core::Jid* to, std::string_view extra) {
  auto [urgency, about] = judge(*stanza, session->jid);
  if (urgency == Urgency::means_nothing) return true;
  if (urgency == Urgency::now) {
    release();
    return false;
  }
  held.keep({.about = std::move(about),
             .stanza = stanza,
             .to = to == nullptr ? std::nullopt : std::optional(*to),
             .extra = std::string(extra)});
  if (held.bytes() > most_bytes) release();
  return true;
}

void Idle::release() {
  auto* const outlet = std::exchange(session->outlet, nullptr);
  for (const auto& one : held.take()) session->stream.deliver(one.stanza, one.to ? &*one.to : nullptr, one.extra);
  session->outlet = outlet;
}

class Csi final : public core::Module {
 public:
  void start(core::Registrar& registrar) override {
    slot_ = registrar.session_part();
    registrar.nonza(ns_csi, [this](core::Session& session, xml::Element element) { return take(session, element); });
    // XEP-0386 §3.2: the session begins so.
    for (const auto* name : {"active", "inactive"}) {
      registrar.bind_feature(
          ns_csi, name, ns_csi,
          [this](core::Session& session, xml::Element element) {
            (void)take(session, element);
            return std::string();
          },
          [this](const std::string&) { return enabled_; });
    }
    // §5.2: a resumed stream begins active, too. What waited comes behind what the client had not acknowledged.
    registrar.on_session(core::SessionEvent::resumed, activate);
  }
  void configure(const config::Snapshot& snapshot) override {
    enabled_ = snapshot.get(enabled_option);
    most_bytes_ = static_cast<std::size_t>(snapshot.get(queue_option));
  }
  [[nodiscard]] std::string stream_features(const std::string&) const override {
    return enabled_ ? "<csi xmlns='urn:xmpp:csi:0'/>" : "";
  }

 private:
  // §4.2: neither is answered. Who was told of it when it was still offered may say it.
  bool take(core::Session& session, xml::Element element) const {
    if (element.name() == "active") {
      activate(session);
    } else if (element.name() == "inactive") {
      if (enabled_) deactivate(session);
    } else {
      return false;
    }
    return true;
  }

  static void activate(core::Session& session) {
    if (auto* outlet = std::exchange(session.outlet, nullptr)) outlet->release();
  }

  void deactivate(core::Session& session) const {
    auto& idle = session.ensure_part<Idle>(slot_);
    idle.session = &session;
    idle.most_bytes = most_bytes_;
    session.outlet = &idle;
  }

  unsigned slot_ = 0;
  bool enabled_ = true;
  std::size_t most_bytes_ = 0;
};

}  // namespace
}  // namespace csi

const core::Manifest& csi_manifest() {
  static const core::Manifest manifest{
      .name = "csi",
      .summary = "While nobody looks at a client, what can wait does.",
      .implements = {{"XEP-0352", "1.0.0"}},
      .options =
          [](config::Registry& registry) {
            registry.add(csi::enabled_option);
            registry.add(csi::queue_option);
          },
      .make = [](core::Shard&) -> std::unique_ptr<core::Module> { return std::make_unique<csi::Csi>(); },
  };
  return manifest;
}

}  // namespace valise::modules
