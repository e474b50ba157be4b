#include "modules/offline/offline.hpp"

#include "core/delay.hpp"
#include "modules/offline/module.hpp"

namespace valise::modules {
namespace offline {
namespace {

using core::StanzaError;

constexpr std::size_t page_size = 100;
constexpr std::size_t most_known = 10'000;  // rows of one account that are looked through when it is loaded

const StanzaError queue_full{.type = StanzaError::Type::cancel,
                             .condition = "service-unavailable",
                             .text = {"This person is away and can't keep more messages.",
                                      "Cette personne est absente et ne peut garder plus de messages."}};

core::Verdict refusal(std::string_view reason, bool silent) { return core::make_refusal(queue_full, reason, silent); }

void note_unseen(Waiting& part, std::uint64_t collector, std::uint64_t row) {
  auto& unseen = part.in_hand.unseen;
  const auto known = std::ranges::find(unseen, collector, &InHand::Unseen::session);
  if (known != unseen.end()) return known->rows.push_back(row);
  if (part.drain.session == collector || part.in_hand.is_parked(collector)) unseen.push_back({collector, {row}});
}

Result<std::unique_ptr<core::Part>> load(storage::Reader& reader, const std::string& jid) {
  auto part = std::make_unique<Waiting>();
  for (std::uint64_t last = 0; part->queue.size() < most_known;) {
    auto rows = reader.undelivered(jid, last, page_size);
    if (!rows) return std::unexpected(rows.error());
    for (const auto& row : *rows) {
      part->queue.learn(row.id, mark_of(row.from, row.to, row.stanza_id, row.digest));
      last = row.id;
    }
    if (rows->size() < page_size) break;
  }
  if (part->queue.size() == 0) return nullptr;
  return part;
}

}  // namespace

void OfflineModule::start(core::Registrar& registrar) {
  slot_ = registrar.account_part(load);
  registrar.offline_messages(
      [this](core::Flow& flow, std::vector<storage::Write>& writes) { return keep(flow, writes); });
  registrar.at(core::Stage::policy_in, core::Kind::message, [this](core::Flow& flow) { return hold_back(flow); },
               {.before = {}, .after = {"policy"}});
  registrar.on_session(core::SessionEvent::detached, [this](core::Session& session) { detached(session); });
  registrar.on_session(core::SessionEvent::resumed, [this](core::Session& session) { resumed(session); });
  shard_.publish<core::WaitingRows>(*this);
  // In the loop's first turn every module has published what others look for.
  shard_.post([this] {
    auto* presence = shard_.service<core::PresenceEvents>();
    if (presence == nullptr) return;
    presence->on_available([this](core::Session& session, bool) { available(session); });
    presence->on_unavailable([this](core::Session& session) { unavailable(session); });
  });
}

core::Verdict OfflineModule::keep(core::Flow& flow, std::vector<storage::Write>& writes) {
  auto& account = *flow.recipient;
  const auto& stanza = *flow.stanza;
  if (!flow.storable.store) return refusal(flow.storable.reason, true);

  storage::BoxMessage message{
      .from = stanza.from.str(), .to = stanza.to->str(), .stanza_id = stanza.id, .digest = content_digest(stanza)};
  const auto mark = mark_of(message.from, message.to, message.stanza_id, message.digest);
  auto& part = waiting(account);
  auto& queue = part.queue;
  if (says_which(stanza) && !flow.archived && queue.is_stored(mark)) {
    writes.clear();
    return nullptr;
  }
  if (queue.size() >= shard_.settings().max_offline) return refusal("offline-full", false);

  if (flow.row != 0) {  // archived for sessions that have not got it: its row waits again
    writes.clear();
    writes.emplace_back(storage::MarkUndelivered{account.jid.str(), {flow.row}});
  } else if (flow.archived) {  // the recipient's row only has to say that it waits
    auto& boxes = std::get<storage::PutMessage>(writes.front()).boxes;
    std::ranges::find(boxes, account.jid.str(), &storage::BoxOwner::owner)->delivered = false;
  } else {
    storage::BoxOwner waits{.owner = account.jid.str(), .peer = std::string(stanza.from.bare()), .archived = false};
    if (writes.empty()) {
      stanza.append(message.stanza, nullptr,
                    flow.since_ms == 0 ? std::string() : core::delay(account.jid.domain(), flow.since_ms));
      writes.emplace_back(storage::PutMessage{std::move(message), {}});
    }
    std::get<storage::PutMessage>(writes.front()).boxes.push_back(std::move(waits));
  }
  flow.collector = part.drain.session;
  queue.expect();
  // The queue lives as long as its account, which stays in memory while its commits are under way.
  flow.written = [&part, mark, collector = flow.collector,
                  others = std::exchange(flow.written, nullptr)](std::uint64_t id) mutable {
    if (others) others(id);
    part.queue.came_back(id, mark);
    std::erase(part.drain.gone, id);  // it waits again
    if (id != 0 && collector != 0) note_unseen(part, collector, id);
  };
  return nullptr;
}

namespace {
std::unique_ptr<core::Module> make(core::Shard& shard) { return std::make_unique<OfflineModule>(shard); }
}  // namespace

}  // namespace offline

const core::Manifest& offline_manifest() {
  static const core::Manifest manifest{
      .name = "offline",
      .summary = "messages that wait for a person who is away",
      .implements = {{"XEP-0160", "1.0.1", core::Completeness::complete},
                     {"XEP-0203", "2.0", core::Completeness::complete},
                     {"XEP-0334", "0.4.0", core::Completeness::partial}},
      .server_features = {"msgoffline"},
      .make = &offline::make,
  };
  return manifest;
}

}  // namespace valise::modules
