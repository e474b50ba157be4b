#include "modules/policy/carry_out.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "core/administrators.hpp"
#include "core/namespaces.hpp"
#include "core/session.hpp"
#include "modules/roster/subscriptions.hpp"
#include "policy/opening.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace {

bool is_named(xml::Element child, const std::vector<policy::StripName>& names) {
  return std::ranges::any_of(names, [child](const policy::StripName& name) {
    return (name.name == "*" || name.name == child.name()) && (name.ns.empty() || name.ns == child.ns());
  });
}

// Null: nothing of it is to be left out.
core::StanzaPtr stripped(const core::Stanza& stanza, std::span<const std::vector<policy::StripName>* const> strips) {
  std::string whole = "<all>";
  stanza.append_children(whole);
  whole += "</all>";
  const auto document = xml::parse_element(whole);
  if (!document) return nullptr;  // the server wrote it: it never happens
  std::string kept;
  bool any = false, keeps_label = true;
  for (const auto child : document->root().children()) {
    if (child.is_text()) continue;
    const bool goes = child.name() != "encrypted" &&
                      std::ranges::any_of(strips, [child](const auto* names) { return is_named(child, *names); });
    any = any || goes;
    if (goes && child.is("securitylabel", core::ns::security_label)) keeps_label = false;
    if (!goes) kept += child.raw();
  }
  if (!any) return nullptr;
  auto out = core::with_children(stanza, std::move(kept));
  if (!keeps_label) out->label = {};
  return out;
}

// In a later turn: its stanza is still on its way. Behind what the account is to get, its error too.
void end_session(core::Shard& shard, const std::string& bare, std::uint64_t id) {
  shard.post([&shard, bare, id] {
    auto* account = shard.find_account(bare);
    if (account == nullptr) return;
    account->in_order([account, id] {
      auto* found = account->find_id(id);
      if (found != nullptr) found->stream.end("policy-violation", "A rule of this server ends the session.");
    });
  });
}

// In a later turn: this stanza may be about the same subscription.
void end_subscription(core::Shard& shard, const core::Flow& flow, std::string_view rule) {
  if (flow.recipient == nullptr || flow.stanza->from.empty()) return;
  shard.post([&shard, owner = flow.recipient->jid, contact = flow.stanza->from.to_bare(),
              rule = std::string(rule)]() mutable {
    shard.with_account(owner, [&shard, contact = std::move(contact), rule = std::move(rule)](core::Account* account) {
      auto* subscriptions = shard.service<Subscriptions>();
      if (subscriptions != nullptr && account != nullptr && account->exists) {
        subscriptions->cancel(*account, contact, rule);
      }
    });
  });
}

// The later of the rules at both ends.
void hold_back(core::Flow& flow, const policy::Pause& pause, std::string_view rule) {
  auto until_ms = pause.ms == 0 ? 0 : utc_now_ms() + pause.ms;
  if (pause.until_minute != 0) until_ms = std::max(until_ms, policy::utc_ms_of(pause.until_minute));
  if (until_ms <= flow.hold_until_ms) return;
  flow.hold_until_ms = until_ms;
  flow.held_by = rule;
}

void tell(core::Shard& shard, const policy::Facts& facts, const policy::NoticeText& notice) {
  const auto* administrators = shard.service<core::Administrators>();
  if (administrators == nullptr) return;
  const auto about = fmt::format(" ({}: {}{}{})", policy::event_names[static_cast<std::size_t>(facts.event)],
                                 facts.from.bare, facts.to.bare.empty() ? "" : " → ", facts.to.bare);
  std::string children;
  xml::Writer writer(children);
  const auto body = [&](std::string_view language, std::string_view text) {
    writer.open("body").attribute_if("xml:lang", language).text(std::string(text) + about).close();
  };
  if (notice.fr == notice.en) {
    body({}, notice.en);
  } else {  // RFC 6121 §5.2.3: a client that knows its language shows that one
    body("en", notice.en);
    body("fr", notice.fr);
  }
  administrators->each_of(facts.host, [&](std::string_view bare) {
    auto jid = core::Jid::parse(bare);
    if (!jid) return;
    shard.post([&shard, host = std::string(facts.host), to = std::move(*jid), children] {
      shard.say(host, "", to, children, [](bool) {});
    });
  });
}

}  // namespace

void carry_out(core::Shard& shard, core::Flow& flow, const policy::Decision& decision, core::Refusal* refused) {
  if (decision.disconnect && flow.sender != nullptr) {
    auto end = [&shard, bare = std::string(flow.sender->jid.bare()), id = flow.sender->id] {
      end_session(shard, bare, id);
    };
    if (refused != nullptr) {
      refused->then = std::move(end);
    } else {
      end();
    }
  }
  if (decision.unsubscribe) end_subscription(shard, flow, decision.unsubscribed_by);
  if (refused != nullptr) return;
  if (decision.quiet) flow.tells = false;
  if (decision.pause.any() && flow.stanza->kind == core::Kind::message) {
    hold_back(flow, decision.pause, decision.paused_by);
  }
  if (!decision.record.empty() && flow.record.reason.empty()) {
    flow.record.reason = fmt::format("policy:{}", decision.record);
    flow.record.rule = decision.rule;
  }
  if (decision.strip_count == 0 || flow.stanza->kind == core::Kind::iq) return;
  const std::span strips(decision.strips.data(), decision.strip_count);
  if (auto other = stripped(*flow.stanza, strips)) flow.stanza = std::move(other);
}

void tell_administrators(core::Shard& shard, const policy::Facts& facts, const policy::Decision& decision) {
  for (std::uint32_t i = 0; i < decision.notice_count; ++i) tell(shard, facts, decision.notices[i]);
}

void tell_of_failure(core::Shard& shard, const policy::Facts& facts, std::string_view rule, const std::string& why) {
  const auto fr = fmt::format("La règle « {} » a échoué, ce qu'elle devait décider est refusé : {}", rule, why);
  const auto en = fmt::format("The rule \"{}\" failed, what it was to decide is refused: {}", rule, why);
  tell(shard, facts, {fr, en});
}

}  // namespace valise::modules
