#include "core/recovery.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include <fmt/core.h>

#include "base/clock.hpp"
#include "base/fault.hpp"
#include "base/log.hpp"
#include "core/audit/verify.hpp"

namespace valise::core {
namespace {

constexpr std::size_t page = 500;

// What the end of the log says about units whose rows the store may lack.
struct LogTail {
  struct Claim {
    std::uint64_t id = 0;
    std::uint64_t batch = 0;
  };
  std::uint64_t greatest_id = 0;
  std::uint64_t last_batch = 0;  // that holds records of units
  std::vector<Claim> claims;     // records with rows, ids above the store's, not corrected
};

// Reads segments from the last one backwards, until more than the last batch of units has been seen.
Result<LogTail> read_tail(const std::string& folder, std::uint64_t store_id) {
  const auto firsts = audit::list_segments(folder);
  if (!firsts) return std::unexpected(firsts.error());
  LogTail tail;
  std::set<std::uint64_t> corrected;
  std::set<std::uint64_t> unit_batches;
  auto end = ~std::uint64_t{0};
  for (auto first = firsts->rbegin(); first != firsts->rend() && unit_batches.size() < 2; ++first) {
    auto cursor = audit::Cursor::open(folder, *first);
    if (!cursor) return std::unexpected(cursor.error());
    while (true) {
      const auto entry = cursor->next();
      if (!entry) return std::unexpected(entry.error());
      if (!*entry || (*entry)->seq >= end) break;
      const auto key = audit::key_of((*entry)->record);
      tail.greatest_id = std::max(tail.greatest_id, key.id);
      if (key.correction) corrected.insert(key.id);
      if (key.correction || key.id == 0) continue;
      unit_batches.insert((*entry)->batch);
      if (key.rows && key.id > store_id) tail.claims.push_back({key.id, (*entry)->batch});
    }
    end = *first;
  }
  if (!unit_batches.empty()) tail.last_batch = *unit_batches.rbegin();
  std::erase_if(tail.claims, [&](const auto& claim) { return corrected.contains(claim.id); });
  return tail;
}

Result<> append(audit::Log& log, const std::vector<audit::Record>& records) {
  std::vector<const audit::Record*> pointers;
  for (const auto& record : records) pointers.push_back(&record);
  for (std::span<const audit::Record* const> left(pointers); !left.empty();) {
    const auto part = left.first(std::min(left.size(), page));
    VALISE_FAULT("recover.append.before");
    if (auto done = log.append(part); !done) return done;
    VALISE_FAULT("recover.append.after");
    left = left.subspan(part.size());
  }
  return {};
}

audit::Record note(audit::Kind kind, std::uint64_t id, std::string_view reason) {
  audit::Record record;
  record.kind = kind;
  record.id = id;
  record.time_ns = utc_now_ns();
  record.reason = reason;
  return record;
}

std::string_view bare(std::string_view jid) { return jid.substr(0, jid.find('/')); }

audit::Record recovered_record(const storage::BoxMessage& message) {
  auto record = note(audit::Kind::recovered, message.id, "record-lost");
  record.rows = true;
  record.verdict = audit::Outcome::stored;
  const auto from = bare(message.from);
  audit::Origin::Members members;
  members.jid = from;
  if (from.size() < message.from.size()) members.resource = std::string_view(message.from).substr(from.size() + 1);
  record.origin = make_ref<const audit::Origin>(members);
  record.recipient = bare(message.to);
  record.stanza_id = message.stanza_id;
  return record;
}

// A gap that no crash leaves.
struct Gap {
  std::string_view reason;  // of the record that says that it was accepted
  std::string text;
};

Result<> accept(audit::Log& log, const Gap& gap, std::uint64_t id, const RecoveryOptions& options) {
  if (!options.accept_gap) return fail(ErrorCode::corrupt, gap.text + ". To go on: valised --accept-gap");
  log::warning("recovery", "{}; going on as told", gap.text);
  return append(log, {note(audit::Kind::admin, id, gap.reason)});
}

constexpr std::string_view other_log = "log-of-another-store";

// Is this the log that the store was written with, and all of it?
Result<std::optional<Gap>> find_gap(const audit::Log& log, const std::optional<storage::LogMark>& mark) {
  if (!mark) return std::nullopt;  // not known
  if (mark->size == 0) {
    return Gap{"log-was-off", "the store was written while the audit log was off: what happened then has no record"};
  }
  if (log.durable_size() < mark->size) {
    return Gap{"log-older-than-store",
               fmt::format("the audit log has {} entries, and had {} when the store was last written: it is an older "
                           "copy (restored from a backup?), or another log, or its end was cut off",
                           log.durable_size(), mark->size)};
  }
  const auto chain = log.chain_at(mark->size);
  if (!chain) return std::unexpected(chain.error());
  if (*chain == mark->chain) return std::nullopt;
  return Gap{other_log,
             fmt::format("the audit log is not the one that the store was written with: its first {} entries "
                         "are others (was one of them restored, or taken from another server?)",
                         mark->size)};
}

// A gap was accepted: from now on this store belongs to this log, whatever ids and marks it had.
Result<> bind_store(const audit::Log& log, const StoreThread::OpenWriter& open_writer, std::uint64_t last_id) {
  const auto writer = open_writer();
  if (!writer) return std::unexpected(writer.error());
  const storage::WriteSet set{
      .id = last_id, .writes = {}, .log = storage::LogMark{.size = log.durable_size(), .chain = log.chain()}};
  const storage::WriteSet* const sets[] = {&set};
  return (*writer)->commit(sets);
}

// Records without rows, which a crash leaves of the last batch only.
std::optional<Gap> find_gap(const LogTail& tail) {
  const bool was_under_way = std::all_of(tail.claims.begin(), tail.claims.end(),
                                         [&](const auto& claim) { return claim.batch == tail.last_batch; });
  if (was_under_way) return std::nullopt;
  return Gap{"store-older-than-log",
             fmt::format("the store lacks the rows of {} or more records of the audit log, the last of unit {}: it is "
                         "older than the log (restored from a backup?)",
                         tail.claims.size(), tail.claims.back().id)};
}

Result<> void_claims(audit::Log& log, const LogTail& tail) {
  std::vector<audit::Record> records;
  for (const auto& claim : tail.claims) records.push_back(note(audit::Kind::voided, claim.id, "rows-lost"));
  return append(log, records);
}

// Rows without record.
Result<std::uint64_t> recover_messages(audit::Log& log, storage::Reader& reader, std::uint64_t after) {
  std::uint64_t recovered = 0;
  while (true) {
    const auto messages = reader.messages_after(after, page);
    if (!messages) return std::unexpected(messages.error());
    std::vector<audit::Record> records;
    for (const auto& message : *messages) {
      if (message.id == after) continue;  // a row for each owner, one record
      after = message.id;
      records.push_back(recovered_record(message));
    }
    if (records.empty()) return recovered;
    if (auto done = append(log, records); !done) return std::unexpected(done.error());
    recovered += records.size();
  }
}

// The first entry of a log names the greatest id of the store: what is up to there is older than the log, what is above
// has a record, or lost it in a crash.
Result<Recovery> begin_log(audit::Log& log, std::uint64_t store_id, const StoreThread::OpenWriter& open_writer,
                           const RecoveryOptions& options) {
  const Gap gap{"log-begins", fmt::format("the store has seen unit {}, and the audit log is empty: it was removed, or "
                                          "was off so far; it would begin anew",
                                          store_id)};
  auto done =
      store_id == 0 ? append(log, {note(audit::Kind::admin, 0, gap.reason)}) : accept(log, gap, store_id, options);
  if (done && store_id != 0) done = bind_store(log, open_writer, store_id);
  if (!done) return std::unexpected(done.error());
  return Recovery{.last_id = store_id};
}

}  // namespace

Result<Recovery> recover(audit::Log* log, storage::Reader& reader, const StoreThread::OpenWriter& open_writer,
                         RecoveryOptions options) {
  Recovery result;
  const auto store_id = reader.greatest_id();
  if (!store_id) return std::unexpected(store_id.error());
  result.last_id = *store_id;
  if (log == nullptr) return result;

  VALISE_FAULT("recover.begin");
  if (log->durable_size() == 0) return begin_log(*log, *store_id, open_writer, options);
  const auto mark = reader.log_mark();
  if (!mark) return std::unexpected(mark.error());
  const auto tail = read_tail(log->options().folder, *store_id);
  if (!tail) return std::unexpected(tail.error());
  result.last_id = std::max(*store_id, tail->greatest_id);
  auto gap = find_gap(*log, *mark);
  if (!gap) return std::unexpected(gap.error());
  if (!*gap) *gap = find_gap(*tail);
  // Another log tells nothing of this store's past, as a new one does not.
  const bool is_other = *gap && (*gap)->reason == other_log;
  if (*gap) {
    if (auto done = accept(*log, **gap, is_other ? *store_id : 0, options); !done) return std::unexpected(done.error());
  } else {
    if (auto done = void_claims(*log, *tail); !done) return std::unexpected(done.error());
    result.voided = tail->claims.size();
  }
  if (*store_id > tail->greatest_id && !is_other) {
    const auto recovered = recover_messages(*log, reader, tail->greatest_id);
    if (!recovered) return std::unexpected(recovered.error());
    result.recovered = *recovered;
  }
  if (*gap) {
    if (auto done = bind_store(*log, open_writer, result.last_id); !done) return std::unexpected(done.error());
  }
  return result;
}

}  // namespace valise::core
