#include "modules/caps/caps.hpp"

#include <unordered_map>

#include "core/namespaces.hpp"
#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/caps/features.hpp"
#include "modules/disco/verification.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace caps {
namespace {

constexpr std::size_t max_shared = 4096;  // client versions
constexpr std::size_t max_shared_bytes = 4 * 1024 * 1024;
constexpr std::size_t max_node = 512;
constexpr std::size_t max_version = 128;
constexpr std::size_t max_waiting = 10'000;  // sessions behind one question, on one shard

SharedCache& shared_cache() {
  static SharedCache cache(max_shared, max_shared_bytes);
  return cache;
}

// What a session announced last, and what is known of it.
struct Announced final : core::Part {
  std::string node, version, hash;
  FeaturesRef features;
  bool pending = false;  // it was asked, or waits behind one that was: one question a session, whatever it announces
  [[nodiscard]] std::string key() const { return hash + '\n' + version; }
};

class Caps final : public core::Module, public core::Capabilities {
 public:
  explicit Caps(core::Shard& shard) : shard_(shard) {}

  void start(core::Registrar& registrar) override {
    slot_ = registrar.session_part();
    shard_.publish<core::Capabilities>(*this);
    shard_.post([this] {
      if (auto* presence = shard_.service<core::PresenceEvents>()) {
        presence->on_available([this](core::Session& session, bool) { announced(session); });
      }
    });
  }

  [[nodiscard]] bool knows(const core::Session& session) const override {
    const auto* part = session.part<Announced>(slot_);
    return part != nullptr && part->features != nullptr;
  }

  [[nodiscard]] bool has_feature(const core::Session& session, std::string_view feature) const override {
    const auto* part = session.part<Announced>(slot_);
    return part != nullptr && part->features && part->features->has(feature);
  }

  [[nodiscard]] std::string_view node(const core::Session& session) const override {
    const auto* part = session.part<Announced>(slot_);
    return part == nullptr ? std::string_view() : std::string_view(part->node);
  }

  void on_change(std::function<void(core::Session&)> listener) override { listeners_.push_back(std::move(listener)); }

  void each_notify(const core::Session& session,
                   const std::function<void(std::string_view node)>& visit) const override {
    const auto* part = session.part<Announced>(slot_);
    if (part == nullptr || !part->features) return;
    const auto features = part->features;  // `visit` may cause a change
    for (const auto& node : features->notify()) visit(node);
  }

 private:
  struct Waiting {
    core::Jid jid;
    std::uint64_t session;
  };

  // A presence without <c/> says nothing new: clients may leave it out (§8.4).
  void announced(core::Session& session) {
    if (!session.presence) return;
    const auto c = session.presence->child("c", core::ns::caps);
    const auto node = c.attribute_or_empty("node");
    const auto version = c.attribute_or_empty("ver");
    const auto hash = c.attribute_or_empty("hash");  // none: the format before 1.4, whose 'ver' proves nothing
    if (!c || version.empty() || version.size() > max_version || node.size() > max_node || hash.size() > 32) return;
    auto& part = session.ensure_part<Announced>(slot_);
    if (part.version == version && part.hash == hash && part.node == node) return;
    part.node = node;
    part.version = version;
    part.hash = hash;
    find_out(session, part);
  }

  void find_out(core::Session& session, Announced& part) {
    if (disco::hash_named(part.hash)) {
      if (auto known = shared_cache().find(part.key())) return learn(session, std::move(known));
    }
    if (!part.pending) ask_once(session, part);
  }

  // One question a client version and shard at a time; who announces the same meanwhile waits for its answer.
  void ask_once(core::Session& session, Announced& part) {
    const auto key = part.key();
    const auto [entry, first] = waiting_.try_emplace(key);
    if (first) {
      if (!ask(session, part, key)) waiting_.erase(key);
    } else if (entry->second.size() < max_waiting) {
      entry->second.push_back({session.jid, session.id});
      part.pending = true;
    }
  }

  [[nodiscard]] bool ask(core::Session& session, Announced& part, const std::string& key) {
    part.pending = true;
    std::string query;
    xml::Writer writer(query);
    writer.open("query", core::ns::disco_info);  // §6.2
    writer.attribute("node", part.node + "#" + part.version).close();
    if (shard_.request(session, std::move(query),
                       [this, key, jid = session.jid, id = session.id](core::StanzaPtr answer) {
                         answered(key, jid, id, answer);
                       })) {
      return true;
    }
    part.pending = false;
    return false;
  }

  void answered(const std::string& key, const core::Jid& jid, std::uint64_t id, const core::StanzaPtr& answer) {
    auto info = answer && answer->type == "result" ? disco::parse_info(answer->payload()) : std::nullopt;
    if (!info) {
      ask_next(key);
      return learn_as(key, jid, id, nullptr);
    }
    const auto newline = key.find('\n');
    const auto hash = disco::hash_named(std::string_view(key).substr(0, newline));
    const bool proven = hash && disco::verification_string(*info, *hash) == std::string_view(key).substr(newline + 1) &&
                        disco::is_shareable(*info);
    const FeaturesRef features(new Features(std::move(info->features)));
    if (!proven) {
      // It speaks for itself only (§5.4): the next who announces the same is asked too.
      learn_as(key, jid, id, features);
      return ask_next(key);
    }
    shared_cache().put(key, features);
    const auto others = waiting_.extract(key);
    learn_as(key, jid, id, features);
    if (others.empty()) return;
    for (const auto& other : others.mapped()) learn_as(key, other.jid, other.session, features);
  }

  void ask_next(const std::string& key) {
    std::vector<Waiting> strays;  // they announced something else since
    auto entry = waiting_.find(key);
    while (entry != waiting_.end() && !entry->second.empty()) {
      auto next = std::move(entry->second.back());
      entry->second.pop_back();
      auto* session = find(next.jid, next.session);
      if (session == nullptr) continue;
      auto& part = session->ensure_part<Announced>(slot_);
      part.pending = false;
      if (part.key() != key) {
        strays.push_back(std::move(next));
      } else if (ask(*session, part, key)) {
        entry = waiting_.end();
      }
    }
    if (entry != waiting_.end()) waiting_.erase(entry);
    for (const auto& stray : strays) learn_as(key, stray.jid, stray.session, nullptr);
  }

  [[nodiscard]] core::Session* find(const core::Jid& jid, std::uint64_t id) const {
    auto* account = shard_.find_account(jid.bare());
    return account == nullptr ? nullptr : account->find_id(id);
  }

  // What a session waited for is over; `features` null: nothing was learnt. If it has announced something else since,
  // that is found out now.
  void learn_as(const std::string& key, const core::Jid& jid, std::uint64_t id, const FeaturesRef& features) {
    auto* session = find(jid, id);
    if (session == nullptr) return;
    auto& part = session->ensure_part<Announced>(slot_);
    part.pending = false;
    if (part.key() != key) return find_out(*session, part);
    if (features) learn(*session, features);
  }

  void learn(core::Session& session, FeaturesRef features) {
    session.ensure_part<Announced>(slot_).features = std::move(features);
    for (const auto& listener : listeners_) listener(session);
  }

  core::Shard& shard_;
  unsigned slot_ = 0;
  std::vector<std::function<void(core::Session&)>> listeners_;
  std::unordered_map<std::string, std::vector<Waiting>> waiting_;  // by key: one of them was asked
};

}  // namespace
}  // namespace caps

const core::Manifest& caps_manifest() {
  static const core::Manifest manifest{
      .name = "caps",
      .summary = "Learns what each client can do, once a version.",
      .implements = {{"XEP-0115", "1.6.0", core::Completeness::partial}},
      .server_features = {core::ns::caps},
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> { return std::make_unique<caps::Caps>(shard); },
  };
  return manifest;
}

}  // namespace valise::modules
