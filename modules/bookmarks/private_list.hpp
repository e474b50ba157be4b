// Bookmarks as private XML (XEP-0049): modules/private_storage asks here instead of its own rows. Published through
// Shard::publish by modules/bookmarks.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/account.hpp"
#include "core/stanza.hpp"
#include "storage/store.hpp"

namespace valise::modules::bookmarks {

// The name of that element there.
inline constexpr std::string_view private_name = "{storage:bookmarks}storage";

// On a database thread: the <storage/> of `owner`; empty: there is none.
[[nodiscard]] Result<std::string> read_private_list(storage::Reader& reader, const std::string& owner);

class PrivateBookmarks {
 public:
  // Replaces the list by `list`, a <storage/>; together with `writes`, which are the asking room's own. `publisher`:
  // the full address of the device. Home shard, the account in memory.
  virtual void replace(core::Account& account, const core::Jid& publisher, std::string list,
                       std::vector<storage::Write> writes,
                       std::move_only_function<void(std::expected<void, core::StanzaError>)> done) = 0;

 protected:
  ~PrivateBookmarks() = default;
};

}  // namespace valise::modules::bookmarks

namespace valise::modules {
using bookmarks::PrivateBookmarks;
}  // namespace valise::modules
