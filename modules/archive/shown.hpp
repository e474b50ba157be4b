// Archive pages and what is due to go, read on a database thread and ready to be sent. Nothing here touches a shard.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/settings.hpp"
#include "modules/archive/query.hpp"
#include "storage/store.hpp"

namespace valise::modules::archive {

struct Reading {
  std::string owner;
  Query query;
  bool only_sealed = true;  // content that is not sealed is left out
  // Which rows of the table of what passes are turned on the hosts of senders; null: none.
  Ref<const core::Settings> settings{};
  std::size_t max_bytes = 0;  // of a page; one message always fits
};

struct Shown {
  std::uint64_t id = 0;
  std::string xml;  // <result/>
};
struct Found {
  bool missing = false;        // an id that the query names is not in the archive
  std::vector<Shown> results;  // ascending
  bool complete = false;
  std::optional<std::uint64_t> count, index;  // where they are cheap
};
[[nodiscard]] Result<Found> find(storage::Reader& reader, const Reading& reading);

// <fin/> (XEP-0313 §4.3).
[[nodiscard]] std::string fin_of(const Found& found);

// §5: <metadata/>, empty for an empty archive.
[[nodiscard]] Result<std::string> read_metadata(storage::Reader& reader, const std::string& owner);

// How long each owner's messages are kept, in days; 0: for ever.
struct Terms {
  std::map<std::string, std::uint32_t, std::less<>> hosts;     // whose messages are archived
  std::map<std::string, std::uint32_t, std::less<>> accounts;  // by bare JID; they win
  // Of accounts that have no days of their own the administrator's rules have a say, too; the fewest days that one of
  // them names, 0: none but for ever. What find_expired finds of such an account is to be asked about.
  std::optional<std::uint32_t> rules{};
  // The days of the bare JID's archive; nothing for one that is not ours.
  [[nodiscard]] std::optional<std::uint32_t> of(std::string_view bare) const;
  // The fewest days that anybody has; 0: nothing ever goes.
  [[nodiscard]] std::uint32_t shortest() const;
};
// What goes, among the next messages behind `after`.
struct Expired {
  std::map<std::string, std::vector<std::uint64_t>> ids;  // by owner
  std::uint64_t read_to = 0;
  bool end = false;
};
[[nodiscard]] Result<Expired> find_expired(storage::Reader& reader, const Terms& terms, std::int64_t now_ms,
                                           std::uint64_t after);

}  // namespace valise::modules::archive
