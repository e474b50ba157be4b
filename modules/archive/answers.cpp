// XEP-0313 §4.2: the page is read and written on a database thread, then it goes out in one piece.
#include <algorithm>

#include "base/log.hpp"
#include "modules/archive/module.hpp"

namespace valise::modules::archive {

void ArchiveModule::begin(core::Session& session, core::IqRequest request, Query query) {
  session.ensure_part<Line>(session_slot_).busy = true;
  const auto& account = session.account;
  const auto* host = shard_.host(account.jid.domain());
  const bool only_sealed = host == nullptr || (host->sealed && !rules(account.jid.domain()).show_unsealed);
  // What the connection may have queued has to hold a page and what else comes meanwhile.
  Reading reading{.owner = account.jid.str(),
                  .query = query,
                  .only_sealed = only_sealed,
                  .settings = Ref<const core::Settings>(&shard_.settings()),
                  .max_bytes = shard_.settings().queue_bytes * 3 / 8};
  shard_.read([reading = std::move(reading)](storage::Reader& reader) { return find(reader, reading); },
              [this, jid = account.jid, id = session.id, request = std::move(request),
               query = std::move(query)](Result<Found> found) mutable {
                auto* owner = shard_.find_account(jid.full());
                auto* asking = owner == nullptr ? nullptr : owner->find_id(id);
                if (asking == nullptr) return request.error(core::store_away);  // nobody is there to read it
                if (!found || found->missing) {
                  if (!found) log::warning("archive", "an archive could not be read: {}", found.error().text);
                  request.error(found ? not_in_archive : core::store_away);
                  return next(*asking);
                }
                answer(*asking, std::move(request), query, std::move(*found));
              });
}

// Behind what is being committed for the account, so that nothing of it is overtaken by its own copy.
void ArchiveModule::answer(core::Session& session, core::IqRequest request, const Query& query, Found found) {
  std::size_t bytes = 0;
  for (const auto& result : found.results) bytes += result.xml.size();
  session.account.in_order(
      [this, jid = session.account.jid, id = session.id, request = std::move(request), query,
       found = std::move(found)]() mutable {
        auto* owner = shard_.find_account(jid.full());
        auto* asking = owner == nullptr ? nullptr : owner->find_id(id);
        if (asking == nullptr) return request.error(core::store_away);
        deliver(*asking, std::move(request), query, std::move(found));
      },
      bytes);
}

// The kernel has a page whole: the next query may begin, and what was shown waits no longer (§6.1.1: a client that has
// asked its archive need not get it again).
struct ArchiveModule::LastResult final : core::Departure {
  LastResult(ArchiveModule& module_, core::Jid jid_, std::uint64_t session_)
      : module(module_), jid(std::move(jid_)), session(session_) {}
  void departed(bool sent) override {
    const std::unique_ptr<LastResult> self(this);
    auto* account = module.shard_.find_account(jid.full());
    auto* asking = account == nullptr ? nullptr : account->find_id(session);
    if (asking == nullptr) return;  // the line has ended with its session
    auto* rows = module.shard_.service<core::WaitingRows>();
    if (sent && rows != nullptr) rows->shown(*asking, ids);
    module.next(*asking);  // a session without a connection keeps what comes (XEP-0198 §5)
  }
  std::size_t waits() override { return sizeof *this + ids.capacity() * sizeof ids.front(); }
  ArchiveModule& module;
  const core::Jid jid;
  const std::uint64_t session;
  std::vector<std::uint64_t> ids;  // but for those of which the client says itself that it has them
};

void ArchiveModule::deliver(core::Session& session, core::IqRequest request, const Query& query, Found found) {
  auto& account = session.account;  // the stream may end over it
  auto last = std::make_unique<LastResult>(*this, account.jid, session.id);
  const auto id = session.id;
  auto fin = fin_of(found);
  if (query.flipped) std::ranges::reverse(found.results);
  auto* rows = shard_.service<core::WaitingRows>();
  for (auto& result : found.results) {
    auto* asking = account.find_id(id);
    if (asking == nullptr) return request.error(core::store_away);
    const auto message = core::make_message({}, account.jid, asking->jid, std::move(result.xml));
    if (rows == nullptr) {
      asking->stream.deliver(message, nullptr, {});
    } else if (!rows->show(*asking, message, result.id)) {
      last->ids.push_back(result.id);
    }
  }
  request.result(std::move(fin));
  if (auto* asking = account.find_id(id)) asking->stream.when_sent(*last.release());
}

void ArchiveModule::next(core::Session& session) {
  auto& line = session.ensure_part<Line>(session_slot_);
  line.busy = false;
  if (line.waiting.empty()) return;
  auto [request, query] = line.waiting.take();
  begin(session, std::move(request), std::move(query));
}

}  // namespace valise::modules::archive
