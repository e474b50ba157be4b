#include "core/hooks.hpp"

#include <algorithm>

namespace valise::core {
namespace {

std::string iq_key(IqTarget target, std::string_view type, std::string_view ns) {
  std::string key(target == IqTarget::server ? "s " : "a ");
  key += type;
  key += ' ';
  key += ns;
  return key;
}

bool must_precede(const Hooks::NamedHook& a, const Hooks::NamedHook& b) {
  return std::ranges::find(a.order.before, b.module) != a.order.before.end() ||
         std::ranges::find(b.order.after, a.module) != b.order.after.end();
}

// Repeatedly takes the first hook that nothing left must precede: stable, and a cycle leaves none.
Result<std::vector<Hooks::NamedHook>> sorted(std::vector<Hooks::NamedHook> left) {
  std::vector<Hooks::NamedHook> out;
  while (!left.empty()) {
    const auto free = std::ranges::find_if(left, [&](const auto& hook) {
      return std::ranges::none_of(left,
                                  [&](const auto& other) { return &other != &hook && must_precede(other, hook); });
    });
    if (free == left.end()) {
      std::string names;
      for (const auto& hook : left) names += (names.empty() ? "" : ", ") + hook.module;
      return fail(ErrorCode::invalid, "the hooks of these modules are ordered in a circle: " + names);
    }
    out.push_back(std::move(*free));
    left.erase(free);
  }
  return out;
}

}  // namespace

std::string_view name_of(Stage stage) noexcept {
  switch (stage) {
    case Stage::validate:
      return "validate";
    case Stage::sealed:
      return "sealed";
    case Stage::policy_out:
      return "policy_out";
    case Stage::blocking:
      return "blocking";
    case Stage::policy_in:
      return "policy_in";
  }
  return "?";
}

std::string describe(const Handled& what) {
  const std::string place(what.place), type(what.type);
  const auto element =
      (what.name.empty() ? "what is" : "<" + std::string(what.name) + ">") + " in " + std::string(what.ns);
  switch (what.kind) {
    case Handled::Kind::iq:
      return "iq " + type + ", " + element + ", of the " + place;
    case Handled::Kind::hook:
      return "each " + type + " at the stage " + place;
    case Handled::Kind::nonza:
      return "elements of the stream in " + std::string(what.ns);
    case Handled::Kind::bind:
      return what.ns.empty() ? "what each session is told when it is bound"
                             : element + ", with which a session is bound";
    case Handled::Kind::owner:
      return place;
  }
  return place;
}

class HookRegistrar final : public Registrar {
 public:
  HookRegistrar(Hooks& hooks, std::string_view module) : hooks_(hooks), module_(module) {}

  void at(Stage stage, Kind kind, StanzaHook hook, Order order) override {
    needs_row({.kind = Handled::Kind::hook, .place = name_of(stage), .type = name_of(kind)});
    hooks_.stages_[static_cast<std::size_t>(stage)][static_cast<std::size_t>(kind)].push_back(
        {module_, std::move(hook), std::move(order)});
  }
  void iq(IqTarget target, std::string_view type, std::string_view name, std::string_view ns,
          IqHandler handler) override {
    const auto* place = target == IqTarget::server ? "server" : "account";
    needs_row({.kind = Handled::Kind::iq, .place = place, .type = type, .name = name, .ns = ns});
    auto& entries = hooks_.iqs_[iq_key(target, type, ns)];
    for (const auto& entry : entries) {
      if (entry.name == name) twice(std::string(type) + " " + std::string(ns), entry.module);
    }
    entries.push_back({module_, std::string(name), std::move(handler)});
  }
  void on_session(SessionEvent event, std::function<void(Session&)> handler) override {
    hooks_.session_events[static_cast<std::size_t>(event)].push_back(std::move(handler));
  }
  unsigned account_part(PartLoader loader) override {
    hooks_.loaders.push_back(std::move(loader));
    return static_cast<unsigned>(hooks_.loaders.size() - 1);
  }
  void nonza(std::string_view ns, NonzaHandler handler) override {
    needs_row({.kind = Handled::Kind::nonza, .ns = ns});
    if (!hooks_.nonzas_.try_emplace(std::string(ns), std::move(handler)).second)
      twice(std::string(ns), "another module");
  }
  unsigned session_part() override { return hooks_.session_parts++; }
  void bind_feature(std::string_view feature, std::string_view name, std::string_view ns, BindHandler handler,
                    OfferedOn offered) override {
    needs_row({.kind = Handled::Kind::bind, .name = name, .ns = ns});
    for (const auto& other : hooks_.bind_features) {
      if (other.ns == ns && other.name == name) twice("bind with " + std::string(ns), "another module");
    }
    hooks_.bind_features.push_back(
        {std::string(feature), std::string(name), std::string(ns), std::move(handler), std::move(offered)});
  }
  void at_bind(std::function<void(Session&, BoundAnswer)> handler) override {
    needs_row({.kind = Handled::Kind::bind});
    hooks_.bound.push_back(std::move(handler));
  }
  void outbound_presence(std::function<void(Session&, Flow)> handler) override {
    needs_row_for("outbound_presence");
    if (hooks_.outbound_presence) twice("outbound presence", "another module");
    hooks_.outbound_presence = std::move(handler);
  }
  void inbound_presence(std::function<void(Flow)> handler) override {
    needs_row_for("inbound_presence");
    if (hooks_.inbound_presence) twice("inbound presence", "another module");
    hooks_.inbound_presence = std::move(handler);
  }
  void service_messages(std::function<bool(const Stanza&)> is_one,
                        std::function<void(Session&, Flow)> handler) override {
    needs_row_for("service_messages");
    if (hooks_.service_messages) twice("messages to services of accounts", "another module");
    hooks_.is_service_message = std::move(is_one);
    hooks_.service_messages = std::move(handler);
  }
  void departures(std::function<bool(Session&, Flow&)> handler) override {
    needs_row_for("departures");
    if (hooks_.departures) twice("what leaves for a person", "another module");
    hooks_.departures = std::move(handler);
  }
  void offline_messages(std::function<Verdict(Flow&, std::vector<storage::Write>&)> handler) override {
    needs_row_for("offline_messages");
    if (hooks_.offline_messages) twice("offline messages", "another module");
    hooks_.offline_messages = std::move(handler);
  }
  void held_messages(std::function<Verdict(Flow&, std::vector<storage::Write>&)> handler) override {
    needs_row_for("held_messages");
    if (hooks_.held_messages) twice("messages that wait", "another module");
    hooks_.held_messages = std::move(handler);
  }
  void message_copies(MessageCopies& copies) override {
    needs_row_for("message_copies");
    if (hooks_.copies != nullptr) twice("copies of messages", "another module");
    hooks_.copies = &copies;
  }
  void arrivals(Arrivals& arrivals) override {
    needs_row_for("arrivals");
    if (hooks_.arrivals != nullptr) twice("what arrived", "another module");
    hooks_.arrivals = &arrivals;
  }

 private:
  void twice(const std::string& what, const std::string& other) {
    hooks_.problem_ = what + " is handled by " + module_ + " and by " + other;
  }
  // Whatever may let something through.
  void needs_row(Handled what) {
    what.module = module_;
    if ((hooks_.has_row != nullptr && hooks_.has_row(what)) || !hooks_.problem_.empty()) return;
    hooks_.problem_ = "the module " + module_ + " handles " + describe(what) +
                      ", for which the table of what passes has no row (docs/sealed-table.md; modules/omemo/table)";
  }
  void needs_row_for(std::string_view function) { needs_row({.kind = Handled::Kind::owner, .place = function}); }

  Hooks& hooks_;
  std::string module_;
};

std::unique_ptr<Registrar> Hooks::registrar(std::string_view module) {
  return std::make_unique<HookRegistrar>(*this, module);
}

Result<> Hooks::finish() {
  if (!problem_.empty()) return fail(ErrorCode::conflict, problem_);
  for (auto& stage : stages_) {
    for (auto& kind : stage) {
      auto ordered = sorted(std::move(kind));
      if (!ordered) return std::unexpected(ordered.error());
      kind = std::move(*ordered);
    }
  }
  return {};
}

const IqHandler* Hooks::iq(IqTarget target, std::string_view type, std::string_view name, std::string_view ns) const {
  const auto found = iqs_.find(iq_key(target, type, ns));
  if (found == iqs_.end()) return nullptr;
  for (const auto& entry : found->second) {
    if (entry.name.empty() || entry.name == name) return &entry.handler;
  }
  return nullptr;
}

const NonzaHandler* Hooks::nonza(std::string_view ns) const {
  const auto found = nonzas_.find(ns);
  return found == nonzas_.end() ? nullptr : &found->second;
}

std::string Hooks::describe() const {
  std::string out;
  for (std::size_t stage = 0; stage < stage_count; ++stage) {
    for (std::size_t kind = 0; kind < 3; ++kind) {
      const auto& hooks = stages_[stage][kind];
      for (auto hook = hooks.begin(); hook != hooks.end();) {
        const auto next =
            std::find_if(hook, hooks.end(), [&](const auto& other) { return other.module != hook->module; });
        out += std::string(name_of(static_cast<Stage>(stage))) + " " + std::string(name_of(static_cast<Kind>(kind))) +
               ": " + hook->module;
        if (next - hook > 1) out += " (" + std::to_string(next - hook) + " hooks)";
        out += "\n";
        hook = next;
      }
    }
  }
  return out;
}

}  // namespace valise::core
