// What waited goes to the first session that is available with a priority of 0 or more (RFC 6121 §8.5.2.2, XEP-0160):
// page by page from the store, in order of ids, and no faster than the client reads. New messages don't overtake.
#include "base/clock.hpp"
#include "base/fault.hpp"
#include "base/log.hpp"
#include "core/delay.hpp"
#include "core/namespaces.hpp"
#include "modules/offline/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::offline {
namespace {

constexpr std::size_t page_size = 100;
constexpr std::size_t slice_bytes = 131'072;  // handed over at once: well below what a connection may have queued

// XEP-0203 and XEP-0359. A message that was on its way to a session before it was stored has its stamp already; what
// was rebuilt by the rules of now has lost it. The id names a message in the archive, where the host has archives.
std::string stamps(const core::Stanza& kept, const core::Jid& account, std::uint64_t id, bool with_id) {
  std::string out;
  const auto earlier = kept.child("delay", core::ns::delay);
  if (!earlier) {
    out = core::delay(account.domain(), IdGenerator::utc_ms(id));
  } else if (kept.rewritten) {
    xml::Writer writer(out);
    writer.open("delay", core::ns::delay).attribute("from", account.domain());
    writer.attribute("stamp", earlier.attribute_or_empty("stamp")).close();
  }
  if (with_id) out += core::stanza_id(id, account);
  return out;
}

}  // namespace

// One to the full address of a session that is held back waits with the others.
core::Verdict OfflineModule::hold_back(core::Flow& flow) {
  const auto& part = waits(*flow.recipient);
  auto& stanza = *flow.stanza;
  if ((part.drain.session == 0 && part.in_hand.parked.empty()) || stanza.to->is_bare()) return nullptr;
  const auto* session = flow.recipient->find(stanza.to->resource());
  const auto names = [&](const std::vector<Drain::Held>& some) {
    return std::ranges::find(some, session->id, &Drain::Held::session) != some.end();
  };
  const bool held = session != nullptr && (names(part.drain.held) || names(part.in_hand.parked));
  if (held && flow.storable.store) stanza.to = stanza.to->to_bare();
  return nullptr;
}

void OfflineModule::hold(Drain& drain, core::Session& session) {
  std::erase_if(drain.held, [&](const Drain::Held& held) { return held.session == session.id; });
  if (session.priority < 0) return;
  drain.held.push_back({session.id, session.priority});
  session.priority = -1;
}

void OfflineModule::available(core::Session& session) {
  if (waits(session.account).drain.session == 0) {
    if (has_news_for(session)) begin(session);
    return;
  }
  auto& drain = waiting(session.account).drain;
  const bool refuses = session.priority < 0;
  hold(drain, session);
  if (refuses && drain.session == session.id) end(session.account, false);
}

void OfflineModule::unavailable(core::Session& session) {
  auto* const found = session.account.part<Waiting>(slot_);
  if (found == nullptr) return;
  auto& part = *found;
  auto& drain = part.drain;
  std::erase_if(part.in_hand.parked, [&](const Drain::Held& held) { return held.session == session.id; });
  std::erase_if(part.in_hand.unseen, [&](const InHand::Unseen& unseen) { return unseen.session == session.id; });
  std::erase_if(drain.held, [&](const Drain::Held& held) { return held.session == session.id; });
  if (drain.session == session.id) return end(session.account, false);
  release(session);
}

void OfflineModule::begin(core::Session& session) {
  auto& drain = waiting(session.account).drain;
  drain = {};
  drain.session = session.id;
  drain.run = ++runs_;
  for (auto* other : session.account.sessions) {
    if (other->available) hold(drain, *other);
  }
  read_page(session.account);
}

void OfflineModule::read_page(core::Account& account) {
  if (!shard_.has_room(account)) return end(account, true);  // the next log-in tries again
  // Behind all commits under way: what was kept, or marked, up to now is what the store says. Of what comes until the
  // store is read it may say less, so the count is taken here.
  auto& asking = waiting(account);
  asking.drain.read_up_to = asking.queue.expected();
  asking.drain.gone.clear();
  account.in_order([this, jid = account.jid, run = asking.drain.run] {
    resume(jid, run, [&](core::Account& loaded) {
      shard_.read([owner = jid.str(), after = waiting(loaded).drain.cursor](
                      storage::Reader& reader) { return reader.undelivered(owner, after, page_size); },
                  [this, jid, run](Result<std::vector<storage::BoxMessage>> rows) {
                    resume(jid, run, [&](core::Account& owner) {
                      if (!rows) {
                        log::warning("offline", "waiting messages could not be read: {}", rows.error().text);
                        return end(owner, true);  // the next log-in tries again
                      }
                      auto& now = waiting(owner);
                      now.drain.last_page = rows->size() < page_size;
                      now.drain.page = std::move(*rows);
                      now.drain.next = 0;
                      hand_over(owner);
                    });
                  });
    });
  });
}

void OfflineModule::hand_over(core::Account& account) {
  auto& part = waiting(account);
  auto& drain = part.drain;
  const auto run = drain.run;
  std::size_t bytes = 0;
  auto* taker = account.find_id(drain.session);
  const auto known = taker == nullptr ? std::vector<std::uint64_t>() : known_to(*taker);
  while (drain.next < drain.page.size() && bytes < slice_bytes) {
    auto* session = account.find_id(drain.session);
    if (session == nullptr) return end(account, false);
    const auto& row = drain.page[drain.next++];
    bytes += row.stanza.size();
    drain.cursor = row.id;
    const bool again =
        !row.stanza_id.empty() && !drain.shown.insert(mark_of(row.from, row.to, row.stanza_id, row.digest)).second;
    if (std::ranges::binary_search(known, row.id) || std::ranges::find(drain.gone, row.id) != drain.gone.end())
      continue;
    drain.in_slice = true;
    const auto given = again ? Given::nothing : deliver(*session, row);
    if (drain.run != run || drain.session == 0) return;  // the stream ended over it
    if (given != Given::in_custody) drain.handed.add(row.id, row.archived);
    drain.needs_kernel |= given == Given::sent;
  }
  auto* session = account.find_id(drain.session);
  if (session == nullptr) return end(account, false);
  const bool more = drain.next < drain.page.size() || !drain.last_page || part.queue.expected() != drain.read_up_to;
  if (more) return wait_for_client(account, *session);
  if (drain.needs_kernel) return wait_for_kernel(*session, drain.run);
  conclude(account);
}

OfflineModule::Given OfflineModule::deliver(core::Session& session, const storage::BoxMessage& row) {
  // XEP-0191 §3.3: what an address sent before it was blocked is not delivered afterwards either.
  if (core::has_blocked(shard_.service<core::Blocking>(), session.account, row.from)) {
    drop(row, "blocked");
    return Given::nothing;
  }
  auto document = xml::parse_element(row.stanza);
  auto from = core::Jid::parse(row.from);
  auto stanza = document ? core::make_stanza(std::move(document)) : Result<core::StanzaPtr>(core::StanzaPtr());
  if (!from || !stanza || !*stanza) {
    log::error("offline", "message {} in the store is damaged and was left out", row.id);
    return Given::nothing;
  }
  (*stanza)->from = std::move(*from);
  // What an earlier setting let in is not shown (docs/sealed.md 3.6).
  if (const auto refusal = core::recheck(shard_.service<core::SealedContent>(), **stanza)) {
    drop(row, refusal->reason, refusal->rule);
    return Given::nothing;
  }
  const auto* host = shard_.host(session.account.jid.domain());
  const bool with_id = row.archived || host == nullptr || !host->archive;
  const auto extra = stamps(**stanza, session.account.jid, row.id, with_id);
  auto custody = std::make_unique<RowInHand>(*this, session.account.jid, row.id, row.archived);
  release(session, row.id);
  if (!waiting(session.account).in_hand.unseen.empty()) show_unseen(session, row.id, **stanza, extra);
  if (!session.stream.entrust(*stanza, extra, *custody)) return Given::sent;
  (void)custody.release();  // it deletes itself
  return Given::in_custody;
}

// The sender was told that it is stored, and learns nothing more: that would say when the recipient came back.
void OfflineModule::drop(const storage::BoxMessage& row, const std::string& reason, const std::string& rule) {
  core::audit::Record record;
  record.kind = core::audit::Kind::denied;
  record.verdict = core::audit::Outcome::refused;
  record.reason = reason;
  record.rule = rule;
  record.stanza_id = row.stanza_id;
  record.size = static_cast<std::uint32_t>(row.stanza.size());
  if (const auto to = core::Jid::parse(row.to)) record.recipient = to->bare();
  if (const auto from = core::Jid::parse(row.from)) {
    record.origin =
        make_ref<core::audit::Origin>(core::audit::Origin::Members{.jid = from->bare(), .resource = from->resource()});
  }
  shard_.record(std::move(record));
}

// A client's answer to a ping says that it has read everything before; then it may get more. One that answers nothing
// for 30 s and still is connected gets the next slice all the same, but nothing says yet that it has this one. One that
// owes too many answers gets no more: the rest waits for the next log-in.
void OfflineModule::wait_for_client(core::Account& account, core::Session& session) {
  auto& drain = waiting(account).drain;
  if (!std::exchange(drain.in_slice, false)) return read_page(account);
  const auto answered = [this, jid = account.jid, run = drain.run](core::StanzaPtr answer) {
    resume(jid, run, [&](core::Account& owner) {
      if (answer) mark(owner);
      const auto& now = waiting(owner).drain;
      if (now.next < now.page.size()) return hand_over(owner);
      read_page(owner);
    });
  };
  if (!shard_.request(session, "<ping xmlns='urn:xmpp:ping'/>", answered)) end(account, true);
}

// The last slice needs no answer, but a row may go only when the kernel has its message.
void OfflineModule::wait_for_kernel(core::Session& session, std::uint64_t run) {
  struct LastSlice final : core::Departure {
    LastSlice(OfflineModule& module_, core::Jid jid_, std::uint64_t run_)
        : module(module_), jid(std::move(jid_)), run(run_) {}
    void departed(bool sent) override {
      const std::unique_ptr<LastSlice> self(this);
      if (!sent) return;  // the end of the session has ended the drain
      VALISE_FAULT("offline.sent.after");
      module.resume(jid, run, [this](core::Account& account) { module.conclude(account); });
    }
    std::size_t waits() override { return sizeof *this; }
    OfflineModule& module;
    const core::Jid jid;
    const std::uint64_t run;
  };
  session.stream.when_sent(*new LastSlice(*this, session.account.jid, run));
}

void OfflineModule::conclude(core::Account& account) {
  const auto& part = waiting(account);
  if (part.queue.expected() != part.drain.read_up_to) return read_page(account);  // more came meanwhile
  mark(account);
  end(account, true);
}

void OfflineModule::mark(core::Account& account) {
  auto handed = std::exchange(waiting(account).drain.handed, {});
  const auto bytes = (handed.archived.size() + handed.others.size()) * sizeof(std::uint64_t);
  commit(account, std::move(handed), bytes);
}

// Sessions take messages again. If the drain broke off and another session waits, it goes on there.
void OfflineModule::end(core::Account& account, bool complete) {
  auto& part = waiting(account);
  const auto finished = std::exchange(part.drain, {});
  if (!part.in_hand.is_parked(finished.session)) {
    std::erase_if(part.in_hand.unseen, [&](const auto& unseen) { return unseen.session == finished.session; });
  }
  core::Session* heir = nullptr;
  for (const auto& held : finished.held) {
    auto* session = account.find_id(held.session);
    if (session == nullptr || !session->available) continue;
    session->priority = held.priority;
    if (heir == nullptr && session->stream.connected() && held.session != finished.session) heir = session;
  }
  if (auto* session = account.find_id(finished.session)) release(*session);
  if (!complete && heir != nullptr) begin(*heir);
}

}  // namespace valise::modules::offline
