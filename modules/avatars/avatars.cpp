// The avatar is kept by PEP alone; its hash is in memory with the account, for every presence that it sends.
#include "modules/avatars/avatars.hpp"

#include "base/crypto.hpp"
#include "core/shard.hpp"
#include "modules/avatars/card_pictures.hpp"
#include "modules/avatars/pictures.hpp"
#include "modules/pep/discovery.hpp"
#include "modules/pep/own_changes.hpp"
#include "modules/presence/repetition.hpp"

namespace valise::modules {
namespace avatars {
namespace {

using pep::AnswerChanges;
using pep::NodeChange;
using pep::OwnChanges;

// Of an account: what its avatar is now.
struct Avatar final : core::Part {
  std::string id;  // empty: none
};

// Of a session: its client says that it shows no picture (XEP-0153 §4.1).
struct Showing final : core::Part {
  bool none = false;
};

// On a database thread.
// Of the newest metadata but the item `without`.
Result<std::string> read_id(storage::Reader& reader, const std::string& owner, std::string_view without = {}) {
  const auto items = reader.pep_items(owner, metadata_node, 2);
  if (!items) return std::unexpected(items.error());
  for (const auto& item : *items) {
    if (item.id != without) return id_of(item.payload);
  }
  return std::string();
}

class AvatarsModule final : public core::Module, public CardPictures {
 public:
  explicit AvatarsModule(core::Shard& shard) : shard_(shard) {}

  void start(core::Registrar& registrar) override {
    slot_ = registrar.account_part(
        [](storage::Reader& reader, const std::string& owner) -> Result<std::unique_ptr<core::Part>> {
          auto id = read_id(reader, owner);
          if (!id) return std::unexpected(id.error());
          if (id->empty()) return nullptr;
          auto avatar = std::make_unique<Avatar>();
          avatar->id = std::move(*id);
          return avatar;
        });
    session_slot_ = registrar.session_part();
    // Behind what of presence may pass at all, before what the administrator's rules see.
    registrar.at(core::Stage::sealed, core::Kind::presence, [this](core::Flow& flow) { return add_hash(flow); },
                 {.before = {}, .after = {"omemo"}});
    shard_.publish<CardPictures>(*this);
    // In the loop's first turn every module has published what others look for.
    shard_.post([this] {
      changes_ = shard_.service<PepOwnChanges>();
      if (changes_ == nullptr) return;
      changes_->follow(metadata_node, [this](core::Account& account, const NodeChange& change, AnswerChanges answer) {
        follow(account, change, std::move(answer));
      });
    });
  }

  // CardPictures
  [[nodiscard]] std::string current(const core::Account& account) const override {
    return account.part_or_empty<Avatar>(slot_).id;
  }

  [[nodiscard]] bool is_shown_to(const core::Account& account, const core::Jid& who) const override {
    const auto* pep = shard_.service<PepDiscovery>();
    return pep != nullptr && pep->may_read(account, who, metadata_node) && pep->may_read(account, who, data_node);
  }

  void replace(core::Account& account, const core::Jid& publisher, std::string picture,
               std::vector<storage::Write> writes,
               std::move_only_function<void(std::expected<void, core::StanzaError>)> done) override {
    if (changes_ == nullptr) return done(std::unexpected(core::store_away));
    const auto bytes = 2 * picture.size() + sizeof(OwnChanges);
    changes_->change(
        account, publisher, bytes,
        [this, picture = std::move(picture), writes = std::move(writes)](core::Account& owner,
                                                                         AnswerChanges answer) mutable {
          auto id = picture.empty() ? std::string() : id_of_picture(picture);
          if (id.empty() || id != current(owner)) {
            return answer(changes_to(picture, std::move(id), std::move(writes), true));
          }
          // The picture that it is already: nothing to tell, but its data may have been taken away.
          owner.in_order([this, jid = owner.jid, id = std::move(id), picture = std::move(picture),
                          writes = std::move(writes), answer = std::move(answer)]() mutable {
            shard_.read([jid, id](storage::Reader& reader) { return read_photo(reader, jid.str(), id); },
                        [this, id, picture = std::move(picture), writes = std::move(writes),
                         answer = std::move(answer)](const Result<std::string>& photo) mutable {
                          if (!photo) return answer(std::unexpected(core::store_away));
                          if (!photo->empty()) picture.clear();
                          answer(changes_to(picture, std::move(id), std::move(writes), false));
                        });
          });
        },
        std::move(done));
  }

 private:
  // XEP-0398 §3.2: the data first. `tells`: of another picture than before.
  [[nodiscard]] OwnChanges changes_to(const std::string& picture, std::string id, std::vector<storage::Write> writes,
                                      bool tells) {
    OwnChanges changes{.writes = std::move(writes), .open = true};  // as readable as the card was
    if (!picture.empty()) changes.items.push_back({std::string(data_node), id, data_payload(picture)});
    if (!tells) return changes;
    changes.items.push_back(
        {std::string(metadata_node), id.empty() ? crypto::random_hex(16) : id, metadata_payload(picture)});
    changes.durable = [this, id = std::move(id)](core::Account& owner) { changed(owner, id); };
    return changes;
  }

  // XEP-0398 §4, broadcast or directed.
  core::Verdict add_hash(core::Flow& flow) const {
    auto& presence = *flow.stanza;
    if (!presence.type.empty() || flow.sender == nullptr) return nullptr;
    if (!presence.to) {
      const bool hides = says_none(presence);
      if (auto* known = flow.sender->part<Showing>(session_slot_); hides || known != nullptr) {
        flow.sender->ensure_part<Showing>(session_slot_).none = hides;
      }
    }
    const auto& id = flow.sender->account.part_or_empty<Avatar>(slot_).id;
    if (id.empty()) return nullptr;
    if (auto children = with_hash(presence, id)) presence.rewrite(std::move(*children));
    return nullptr;
  }

  // With the change that makes it so, the account's avatar is another one.
  [[nodiscard]] OwnChanges becomes(std::string id) {
    OwnChanges changes;
    changes.durable = [this, id = std::move(id)](core::Account& account) { changed(account, id); };
    return changes;
  }

  void follow(core::Account& account, const NodeChange& change, AnswerChanges answer) {
    if (change.kind == NodeChange::Kind::published) return answer(becomes(id_of(change.payload)));
    if (change.kind != NodeChange::Kind::retracted) return answer(becomes({}));
    // An earlier item may be the newest then.
    account.in_order([this, owner = account.jid.str(), id = change.id, answer = std::move(answer)]() mutable {
      shard_.read([owner, id](storage::Reader& reader) { return read_id(reader, owner, id); },
                  [this, answer = std::move(answer)](Result<std::string> next) mutable {
                    if (!next) return answer(std::unexpected(core::store_away));
                    answer(becomes(std::move(*next)));
                  });
    });
  }

  // Whoever sees the presence of a session learns the new hash; an unknown one he would have to ask for.
  void changed(core::Account& account, std::string id) {
    auto& now = account.ensure_part<Avatar>(slot_).id;
    if (now == id) return;
    now = std::move(id);
    auto* presence = shard_.service<PresenceRepetition>();
    if (presence == nullptr) return;
    presence->repeat(account, [&](const core::Session& session, const core::Stanza& last) {
      const auto* showing = session.part<Showing>(session_slot_);
      if (showing != nullptr && showing->none) return std::optional<std::string>();
      std::string children;
      last.append_children(children);
      return std::optional(repeated_with_hash(children, now));
    });
  }

  core::Shard& shard_;
  PepOwnChanges* changes_ = nullptr;
  unsigned slot_ = 0;
  unsigned session_slot_ = 0;
};

}  // namespace

Result<std::string> read_photo(storage::Reader& reader, const std::string& owner, const std::string& id) {
  const auto items = reader.pep_items(owner, data_node, 1, id);
  if (!items) return std::unexpected(items.error());
  return items->empty() ? std::string() : photo_of(items->front().payload, id);
}

}  // namespace avatars

const core::Manifest& avatars_manifest() {
  static const core::Manifest manifest{
      .name = "avatars",
      .summary = "One picture of an account in PEP, in its card and in its presence.",
      .implements = {{"XEP-0084", "1.1.4"}, {"XEP-0153", "1.1.1"}, {"XEP-0398", "1.0.0"}},
      .account_features = {"urn:xmpp:pep-vcard-conversion:0"},
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<avatars::AvatarsModule>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
