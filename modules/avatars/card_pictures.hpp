// The picture of a vCard (XEP-0398): it is the account's avatar, which PEP keeps. modules/vcard asks here. Published
// through Shard::publish by modules/avatars; home shard, the account in memory.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/account.hpp"
#include "core/stanza.hpp"
#include "storage/store.hpp"

namespace valise::modules::avatars {

class CardPictures {
 public:
  // The id of the avatar; empty: there is none, and the card's own picture counts.
  [[nodiscard]] virtual std::string current(const core::Account& account) const = 0;
  // Whether `who` may read both nodes (XEP-0398 §6).
  [[nodiscard]] virtual bool is_shown_to(const core::Account& account, const core::Jid& who) const = 0;
  // Makes `picture` (its bytes; empty: none) the avatar, together with `writes`, which are the asking room's.
  virtual void replace(core::Account& account, const core::Jid& publisher, std::string picture,
                       std::vector<storage::Write> writes,
                       std::move_only_function<void(std::expected<void, core::StanzaError>)> done) = 0;

 protected:
  ~CardPictures() = default;
};

// On a database thread: the avatar as <PHOTO/>; empty if it can't be had or is no picture by that name.
[[nodiscard]] Result<std::string> read_photo(storage::Reader& reader, const std::string& owner, const std::string& id);

}  // namespace valise::modules::avatars

namespace valise::modules {
using avatars::CardPictures;
}  // namespace valise::modules
