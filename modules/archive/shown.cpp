#include "modules/archive/shown.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "core/namespaces.hpp"
#include "modules/omemo/allow_list.hpp"
#include "xml/writer.hpp"

namespace valise::modules::archive {
namespace {

constexpr std::uint64_t most_counted = 250;  // beyond, <count/> is left out (XEP-0059 §2.2)
constexpr std::size_t expiry_slice = 500;

std::string stamp(std::uint64_t id) { return format_utc_ms(IdGenerator::utc_ms(id)); }

// The message as it is stored or, where only sealed content is shown, what of it may pass; empty: nothing of it.
std::string allowed(const storage::BoxMessage& row, const Reading& reading) {
  if (!reading.only_sealed) return row.stanza;
  auto document = xml::parse_element(row.stanza);
  auto stanza = document ? core::make_stanza(std::move(document)) : Result<core::StanzaPtr>(core::StanzaPtr());
  auto from = core::Jid::parse(row.from);
  if (!stanza || !*stanza || !from) {
    log::error("archive", "message {} in the store is damaged", row.id);
    return {};
  }
  const auto* host = reading.settings ? reading.settings->host(from->domain()) : nullptr;
  (*stanza)->label = core::label_of_kept((*stanza)->root(), host == nullptr ? nullptr : host->labels.get());
  auto rebuilt = omemo::rebuild_message(**stanza, host == nullptr ? core::Switches() : host->switches);
  if (rebuilt.refused) return {};
  (*stanza)->from = std::move(*from);
  (*stanza)->rewrite(std::move(rebuilt.children));
  std::string out;
  (*stanza)->append(out);
  return out;
}

// A stored message begins with "<message" and ends with its end tag: Stanza::append wrote it.
void append_message(std::string& out, std::string_view stored, std::string_view owner, std::uint64_t id) {
  constexpr std::string_view begin = "<message", end = "</message>";
  if (!stored.starts_with(begin) || !stored.ends_with(end)) return;
  out += begin;
  out += " xmlns='jabber:client'";
  out += stored.substr(begin.size(), stored.size() - begin.size() - end.size());
  xml::Writer writer(out);
  writer.open("stanza-id", core::ns::stanza_ids).attribute("id", std::to_string(id)).attribute("by", owner).close();
  out += end;
}

// XEP-0313 §4.2. What may not be shown is an empty <forwarded/>: §3.2 keeps its id and time in the answer.
std::string result_of(const storage::BoxMessage& row, const Reading& reading) {
  std::string message;
  append_message(message, allowed(row, reading), reading.owner, row.id);
  std::string out;
  xml::Writer writer(out);
  writer.open("result", ns_mam).attribute_if("queryid", reading.query.id).attribute("id", std::to_string(row.id));
  writer.open("forwarded", "urn:xmpp:forward:0");
  writer.open("delay", core::ns::delay).attribute("stamp", stamp(row.id)).close();
  writer.raw(message).close().close();
  return out;
}

// Takes as much of `rows`, which begin where the page begins, as the page may have.
void take_page(Found& found, const std::vector<storage::BoxMessage>& rows, const Reading& reading) {
  std::size_t bytes = 0;
  for (const auto& row : rows) {
    bytes += row.stanza.size() + 400;  // what stands around it
    const bool full =
        found.results.size() == reading.query.max || (bytes > reading.max_bytes && !found.results.empty());
    if (full) return;
    found.results.push_back({row.id, result_of(row, reading)});
  }
  found.complete = true;
}

std::string_view bare_of(std::string_view jid) { return jid.substr(0, jid.find('/')); }

bool is_in(const storage::BoxMessage& row, const storage::ArchiveRange& range) {
  const auto& other = row.direction == storage::Direction::in ? row.from : row.to;
  if (row.id <= range.after || row.id >= range.before) return false;
  if (!range.peer.empty() && bare_of(other) != range.peer) return false;
  return range.party.empty() || row.from == range.party || row.to == range.party;
}

// The messages that `ids` names, within the other filters.
Result<Found> find_ids(storage::Reader& reader, const Reading& reading) {
  const auto& query = reading.query;
  Found found;
  std::vector<storage::BoxMessage> rows;
  std::uint64_t before_page = 0;
  found.count = 0;
  for (const auto id : query.ids) {
    auto row = reader.message(reading.owner, id);
    if (!row) return std::unexpected(row.error());
    if (!*row || !(*row)->archived) return Found{.missing = true};
    if (!is_in(**row, query.range)) continue;
    ++*found.count;
    if (id <= query.page_after) ++before_page;
    if (id > query.page_after && id < query.page_before) rows.push_back(std::move(**row));
  }
  if (query.backwards) std::ranges::reverse(rows);
  take_page(found, rows, reading);
  if (query.backwards) {
    std::ranges::reverse(found.results);
    before_page += rows.size() - found.results.size();
  }
  if (!found.results.empty()) found.index = before_page;
  return found;
}

Result<> count(storage::Reader& reader, const Reading& reading, Found& found) {
  if (!reading.query.range.party.empty()) return {};  // it would have to read the messages
  auto range = reading.query.range;
  range.owner = reading.owner;
  const auto all = reader.archive_size(range, most_counted + 1);
  if (!all) return std::unexpected(all.error());
  if (reading.query.max == 0) found.complete = *all == 0;
  if (*all > most_counted) return {};
  found.count = *all;
  if (found.results.empty()) return {};
  range.before = std::min(range.before, found.results.front().id);
  const auto ahead = reader.archive_size(range, most_counted + 1);
  if (!ahead) return std::unexpected(ahead.error());
  found.index = *ahead;
  return {};
}

}  // namespace

Result<Found> find(storage::Reader& reader, const Reading& reading) {
  const auto& query = reading.query;
  for (const auto id : query.named) {
    const auto there = reader.is_archived(reading.owner, id);
    if (!there) return std::unexpected(there.error());
    if (!*there) return Found{.missing = true};
  }
  if (!query.ids.empty()) return find_ids(reader, reading);
  Found found;
  if (query.max > 0) {
    auto page = query.range;
    page.owner = reading.owner;
    page.after = std::max(page.after, query.page_after);
    page.before = std::min(page.before, query.page_before);
    const auto rows = reader.archived(page, query.max + 1, query.backwards);
    if (!rows) return std::unexpected(rows.error());
    take_page(found, *rows, reading);
    if (query.backwards) std::ranges::reverse(found.results);
  }
  if (auto counted = count(reader, reading, found); !counted) return std::unexpected(counted.error());
  return found;
}

std::string fin_of(const Found& found) {
  std::string out;
  xml::Writer writer(out);
  writer.open("fin", ns_mam).attribute_if("complete", found.complete ? "true" : "").open("set", core::ns::rsm);
  if (!found.results.empty()) {
    writer.open("first").attribute_if("index", found.index ? std::to_string(*found.index) : "");
    writer.text(std::to_string(found.results.front().id)).close();
    writer.element("last", {}, std::to_string(found.results.back().id));
  }
  if (found.count) writer.element("count", {}, std::to_string(*found.count));
  writer.close().close();
  return out;
}

Result<std::string> read_metadata(storage::Reader& reader, const std::string& owner) {
  std::string out;
  xml::Writer writer(out);
  writer.open("metadata", ns_mam);
  for (const bool newest : {false, true}) {
    const auto rows = reader.archived({.owner = owner}, 1, newest);
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) break;
    const auto id = rows->front().id;
    writer.open(newest ? "end" : "start").attribute("id", std::to_string(id)).attribute("timestamp", stamp(id)).close();
  }
  writer.close();
  return out;
}

std::optional<std::uint32_t> Terms::of(std::string_view bare) const {
  if (const auto own = accounts.find(bare); own != accounts.end()) return own->second;
  const auto at = bare.find('@');
  const auto host = at == std::string_view::npos ? hosts.end() : hosts.find(bare.substr(at + 1));
  return host == hosts.end() ? std::nullopt : std::optional(host->second);
}

std::uint32_t Terms::shortest() const {
  std::uint32_t days = 0;
  for (const auto* all : {&hosts, &accounts}) {
    for (const auto& [name, term] : *all) {
      if (term != 0 && (days == 0 || term < days)) days = term;
    }
  }
  if (rules && *rules != 0 && (days == 0 || *rules < days)) days = *rules;
  return days;
}

Result<Expired> find_expired(storage::Reader& reader, const Terms& terms, std::int64_t now_ms, std::uint64_t after) {
  Expired found{.ids = {}, .read_to = after};
  const auto rows = reader.messages_after(after, expiry_slice);
  if (!rows) return std::unexpected(rows.error());
  found.end = rows->size() < expiry_slice;
  const auto shortest = terms.shortest();
  for (const auto& row : *rows) {
    const auto age_ms = now_ms - IdGenerator::utc_ms(row.id);
    if (shortest == 0 || age_ms <= shortest * day_ms) {
      found.end = true;
      break;
    }
    found.read_to = row.id;
    for (const auto owner : {bare_of(row.from), bare_of(row.to)}) {
      const auto days = terms.of(owner);
      if (!days) continue;
      const bool asks = terms.rules && !terms.accounts.contains(owner);
      if (!asks && (*days == 0 || age_ms <= *days * day_ms)) continue;
      auto& ids = found.ids[std::string(owner)];
      if (ids.empty() || ids.back() != row.id) ids.push_back(row.id);  // to oneself: once
    }
  }
  return found;
}

}  // namespace valise::modules::archive
