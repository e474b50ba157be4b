// XEP-0060 §8.8, §8.9: whom the owner lets in, and what follows for those who are in already (XEP-0163 §7.1).
#include <algorithm>
#include <set>

#include "core/namespaces.hpp"
#include "modules/pep/errors.hpp"
#include "modules/pep/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

// What could not be changed, as it is (§8.8.2.4, §8.9.2.4).
class Rejected {
 public:
  void add(std::string_view element, std::string_view jid, std::string_view attribute, std::string_view value) {
    xml::Writer(entries_).open(element).attribute("jid", jid).attribute(attribute, value).close();
  }
  [[nodiscard]] bool any() const noexcept { return !entries_.empty(); }
  [[nodiscard]] std::string echo(std::string_view list, std::string_view node) const {
    std::string out;
    xml::Writer(out)
        .open("pubsub", core::ns::pubsub_owner)
        .open(list)
        .attribute("node", node)
        .raw(entries_)
        .close()
        .close();
    return out;
  }

 private:
  std::string entries_;
};

std::string_view subscription_of(const NodeConfig& config, const std::string& jid) {
  if (config.subscribers.contains(jid)) return "subscribed";
  return config.pending.contains(jid) ? "pending" : "none";
}

}  // namespace

void Pep::set_affiliations(core::Account& account, core::IqRequest request, xml::Element affiliations) {
  const std::string node(affiliations.attribute_or_empty("node"));
  if (is_owners_alone(account, node)) return request.error(errors::of(errors::Type::cancel, "not-allowed"));
  auto* state = find(account, node);
  auto config = state->config;
  Rejected rejected;
  std::set<std::string> named;
  for (const auto element : affiliations.children()) {
    if (!element.is("affiliation", core::ns::pubsub_owner)) continue;
    const auto text = element.attribute_or_empty("jid");
    const auto jid = core::Jid::parse(text);
    if (!jid) {
      rejected.add("affiliation", text, "affiliation", "none");
      continue;
    }
    const std::string bare(jid->bare());
    if (!named.insert(bare).second) return request.error(errors::bad_request());  // §8.9.2.4
    const auto wish = element.attribute("affiliation");
    if (!wish) continue;  // §8.9.2.1: not to be changed
    const auto now = affiliation_of(config, Requester{.bare = bare});
    const auto wanted = affiliation_of(*wish);
    // One owner, for ever (XEP-0163 §2.2).
    if (bare == account.jid.full() || *wish == "owner" || !wanted) {
      rejected.add("affiliation", bare, "affiliation", bare == account.jid.full() ? "owner" : name_of(now));
      continue;
    }
    // Nobody publishes for another where content is sealed, nor keys anywhere.
    if (is_publishing(*wanted) && (is_sealed(account) || is_forced(classify(node).kind))) {
      return request.error(errors::unsupported(std::string(*wish) + "-affiliation"));
    }
    config.affiliations.erase(bare);
    if (*wanted != Affiliation::none) config.affiliations.emplace(bare, *wanted);
  }
  if (config.affiliations.size() > max_affiliations) {
    return request.error(errors::too_many({"Too many affiliations.", "Trop d’affiliations."}));
  }
  auto changed = recalculate(account, node, config);
  state->config = std::move(config);
  commit_config(account, node, std::nullopt,
                [this, node, changed = std::move(changed), rejected = std::move(rejected),
                 request = std::move(request)](core::Account& owner, bool durable) mutable {
                  if (!durable) return request.error(core::store_away);
                  if (rejected.any()) {
                    request.error_with_echo(errors::not_acceptable(), rejected.echo("affiliations", node));
                  } else {
                    request.result();
                  }
                  tell_changed(owner, node, changed);
                });
}

// Nobody is subscribed who neither asked nor is a contact: events would be a way to write to strangers.
bool Pep::set_subscription(core::Account& account, const std::string& node, xml::Element wanted, NodeConfig& config,
                           Changed& changed) const {
  const auto jid = core::Jid::parse(wanted.attribute_or_empty("jid"));
  if (!jid) return false;
  const auto wish = wanted.attribute("subscription");
  const auto now = subscription_of(config, jid->str());
  if (!wish || *wish == now) return true;  // §8.8.2.1: not to be changed
  if (*wish == "none") {
    config.subscribers.erase(jid->str());
    config.pending.erase(jid->str());
  } else if (*wish == "subscribed") {
    const auto who = requester(account, *jid);
    if (now == "none" && (!who.sees_presence || !jid->is_bare())) return false;
    if (subscribe_refusal(config, who, is_owners_alone(account, node))) return false;
    if (!add_subscriber(config.subscribers, jid->bare(), jid->full())) return false;
    config.pending.erase(jid->str());
  } else {
    return false;  // nothing here needs to be configured, and nobody else can ask
  }
  changed.emplace_back(jid->str(), *wish == "none" ? "none" : "subscribed");
  return true;
}

void Pep::set_subscriptions(core::Account& account, core::IqRequest request, xml::Element subscriptions) {
  const std::string node(subscriptions.attribute_or_empty("node"));
  auto* state = find(account, node);
  Rejected rejected;
  Changed changed;
  for (const auto element : subscriptions.children()) {
    if (!element.is("subscription", core::ns::pubsub_owner)) continue;
    if (set_subscription(account, node, element, state->config, changed)) continue;
    const std::string jid(element.attribute_or_empty("jid"));
    rejected.add("subscription", jid, "subscription", subscription_of(state->config, jid));
  }
  commit_config(account, node, std::nullopt,
                [this, node, changed = std::move(changed), rejected = std::move(rejected),
                 request = std::move(request)](core::Account& owner, bool durable) mutable {
                  if (!durable) return request.error(core::store_away);
                  if (rejected.any()) {
                    request.error_with_echo(errors::not_acceptable(), rejected.echo("subscriptions", node));
                  } else {
                    request.result();
                  }
                  tell_changed(owner, node, changed);
                });
}

// Who may not read any more loses its subscription (XEP-0163 §7.1); requests that no one has to approve any more are
// granted, those that would be refused now end (§8.7.4).
Changed Pep::recalculate(const core::Account& account, const std::string& node, NodeConfig& config) const {
  Changed changed;
  const bool owners_alone = is_owners_alone(account, node);
  const auto subscribers = config.subscribers;
  for (const auto& address : subscribers) {
    const auto jid = core::Jid::parse(address);
    if (jid && !read_refusal(config, requester(account, *jid), owners_alone)) continue;
    config.subscribers.erase(address);
    changed.emplace_back(address, "none");
  }
  const auto pending = config.pending;
  for (const auto& address : pending) {
    const auto jid = core::Jid::parse(address);
    const auto who = jid ? requester(account, *jid) : Requester();
    const bool refused = !jid || subscribe_refusal(config, who, owners_alone).has_value();
    if (!refused && needs_approval(config, who)) continue;
    config.pending.erase(address);
    const bool granted = !refused && add_subscriber(config.subscribers, jid->bare(), address);
    changed.emplace_back(address, granted ? "subscribed" : "none");
  }
  return changed;
}

// §13.14, §8.8.4; who is subscribed now gets the last item (§13.10).
void Pep::tell_changed(core::Account& account, const std::string& node, const Changed& changed) {
  const auto* state = find_shown(account, node);
  if (state == nullptr) return;
  for (const auto& [address, now] : changed) {
    const auto jid = core::Jid::parse(address);
    if (!jid) continue;
    each_unanswered(account, [&](Unanswered& forms) { forms.answered(node, std::string(jid->bare())); });
    tell_one(account, state->config, *jid, subscription_event(node, address, now));
    if (now == "subscribed") subscribed(account, node, *jid);
  }
}

// A contact's subscription to our presence or its groups changed: what it may read may have, too.
void Pep::contact_changed(core::Account& account, std::string_view contact, const storage::RosterItem* before,
                          const storage::RosterItem* after) {
  const auto jid = core::Jid::parse(contact);
  if (!jid || shard_.host(jid->domain()) == nullptr) return;
  const auto was = requester_as(account, *jid, before);
  const auto is = requester_as(account, *jid, after);
  std::vector<std::string> opened, concerned;
  for (const auto& [node, state] : part(account).nodes) {
    const auto& config = state.config;
    const bool gets = is.sees_presence && !refusal_for(account, node, config, is);
    const bool got = was.sees_presence && !refusal_for(account, node, config, was);
    if (gets && !got && config.send_last == SendLast::on_sub_and_presence) opened.push_back(node);
    const bool explicitly =
        !addresses_of(config.subscribers, contact).empty() || !addresses_of(config.pending, contact).empty();
    if (explicitly && !gets) concerned.push_back(node);
  }
  if (!opened.empty()) offer_opened(account.jid, *jid, std::move(opened));
  for (const auto& node : concerned) {
    in_turn(account, node.size(), true, [this, node](core::Account& owner, Turn) {
      auto* state = find(owner, node);
      if (state == nullptr) return;
      auto changed = recalculate(owner, node, state->config);
      if (changed.empty()) return;
      commit_config(owner, node, std::nullopt,
                    [this, node, changed = std::move(changed)](core::Account& later, bool durable) {
                      if (durable) tell_changed(later, node, changed);
                    });
    });
  }
}

}  // namespace valise::modules::pep
