#include "modules/delay/delay.hpp"

#include "core/services.hpp"
#include "core/storable.hpp"
#include "modules/delay/module.hpp"

namespace valise::modules {
namespace delay {
namespace {

using core::StanzaError;

const StanzaError full{
    .type = StanzaError::Type::wait,
    .condition = "resource-constraint",
    .text = {"Too many messages already wait for this person.", "Trop de messages attendent déjà cette personne."}};

const StanzaError no_call{
    .type = StanzaError::Type::wait,
    .condition = "recipient-unavailable",
    .text = {"This person can't be called now.", "Cette personne ne peut être appelée maintenant."}};

Result<std::unique_ptr<core::Part>> load(storage::Reader& reader, const std::string& jid) {
  auto part = std::make_unique<Held>();
  for (std::uint64_t last = 0;;) {
    const auto rows = reader.held_of(jid, last, page_size);
    if (!rows) return std::unexpected(rows.error());
    for (const auto& row : *rows) {
      part->queue.learn(row.id, offline::mark_of(row.from, row.to, row.stanza_id, row.digest));
      last = row.id;
    }
    if (rows->size() < page_size) break;
  }
  if (part->queue.size() == 0) return nullptr;
  return part;
}

}  // namespace

DelayModule::DelayModule(core::Shard& shard) : shard_(shard) {
  if (shard.index() == 0) release_ = std::make_shared<Release>(shard);
}

DelayModule::~DelayModule() = default;

void DelayModule::start(core::Registrar& registrar) {
  slot_ = registrar.account_part(load);
  registrar.held_messages([this](core::Flow& flow, std::vector<storage::Write>& writes) { return hold(flow, writes); });
  shard_.publish(*this);
  if (!release_) return;
  shard_.publish<HeldMessages>(*release_);
  shard_.publish(*release_);
  shard_.post([release = release_] { release->start(); });
}

void DelayModule::stop() {
  if (release_) release_->stop();
}

core::Verdict DelayModule::hold(core::Flow& flow, std::vector<storage::Write>& writes) {
  auto& account = *flow.recipient;
  auto& stanza = *flow.stanza;
  if (core::begins_call(stanza)) {
    return core::make_refusal(no_call, "delayed-call");  // it would ring when nobody calls any more
  }
  // RFC 6121 §8.5.3: which of his devices are there then nobody knows.
  const auto to = stanza.to->to_bare();
  storage::HeldMessage message{.owner = account.jid.str(),
                               .due_ms = flow.hold_until_ms,
                               .from = stanza.from.str(),
                               .to = to.str(),
                               .stanza_id = stanza.id,
                               .digest = offline::content_digest(stanza),
                               .rule = flow.held_by,
                               .unsealed = flow.sealing.unsealed,
                               .reason = flow.record.reason,
                               .stanza = {}};
  const auto mark = offline::mark_of(message.from, message.to, message.stanza_id, message.digest);
  auto& queue = account.ensure_part<Held>(slot_).queue;
  if (offline::says_which(stanza) && queue.is_stored(mark)) {
    writes.clear();
    return nullptr;
  }
  if (queue.size() >= shard_.settings().max_offline) return core::make_refusal(full, "delayed-full");

  stanza.append(message.stanza);
  writes.emplace_back(storage::PutHeld{std::move(message)});
  if (flow.record.reason.empty()) flow.record.reason = "delayed";
  flow.record.rule = flow.held_by;
  queue.expect();
  // The queue lives as long as its account, which stays in memory while its commits are under way.
  flow.written = [this, &queue, mark, due_ms = flow.hold_until_ms,
                  others = std::exchange(flow.written, nullptr)](std::uint64_t id) mutable {
    if (others) others(id);
    queue.came_back(id, mark);
    if (id == 0) return;
    auto& first = *shard_.kernel().shards.front();
    first.post([&first, due_ms] { first.service<Release>()->expect(due_ms); });
  };
  return nullptr;
}

void DelayModule::gave_back(std::string_view account, std::uint64_t row) {
  auto* found = shard_.find_account(account);
  auto* held = found == nullptr ? nullptr : found->part<Held>(slot_);
  if (held != nullptr) held->queue.remove({row});
}

namespace {
std::unique_ptr<core::Module> make(core::Shard& shard) { return std::make_unique<DelayModule>(shard); }
}  // namespace

}  // namespace delay

const core::Manifest& delay_manifest() {
  static const core::Manifest manifest{
      .name = "delay",
      .summary = "messages that a rule holds back until their time",
      .implements = {{"XEP-0203", "2.0", core::Completeness::complete}},
      .make = &delay::make,
  };
  return manifest;
}

}  // namespace valise::modules
