// What a client changes in one form of its bookmarks is changed in the other by the same unit.
#include "modules/bookmarks/bookmarks.hpp"

#include "config/options.hpp"
#include "core/shard.hpp"
#include "modules/bookmarks/lists.hpp"
#include "modules/bookmarks/private_list.hpp"
#include "modules/pep/allow_list.hpp"
#include "modules/pep/own_changes.hpp"

namespace valise::modules {
namespace bookmarks {
namespace {

using core::StanzaError;
using pep::AnswerChanges;
using pep::ItemChange;
using pep::NodeChange;
using pep::OwnChanges;

const StanzaError too_many{
    .type = StanzaError::Type::wait,
    .condition = "resource-constraint",
    .text = {"You have too many bookmarks; remove some first.", "Vous avez trop de signets ; retirez-en d’abord."}};

// All that is stored of an account's bookmarks.
struct Stored {
  std::vector<Item> items;  // newest first
  std::string list_id{list_item};
  bool has_list = false;
  List list;      // of PEP
  List old_list;  // private XML of its own: from before the forms were one
  bool has_old_list = false;
};

// On a database thread.
Result<Stored> read_stored(storage::Reader& reader, const std::string& owner, std::size_t keep) {
  Stored stored;
  auto items = reader.pep_items(owner, native_node, keep);
  if (!items) return std::unexpected(items.error());
  for (auto& item : *items) stored.items.push_back({std::move(item.id), std::move(item.payload)});
  auto list = reader.pep_items(owner, list_node, 1);
  if (!list) return std::unexpected(list.error());
  if (!list->empty()) {
    stored.has_list = true;
    stored.list_id = std::move(list->front().id);
    stored.list = read_list(list->front().payload);
  }
  auto rows = reader.account_data(owner, storage::DataKind::private_xml, private_name);
  if (!rows) return std::unexpected(rows.error());
  if (!rows->empty()) {
    stored.has_old_list = true;
    stored.old_list = read_list(rows->front().value);
  }
  return stored;
}

// The list of PEP and what only the older private XML names.
List both(const Stored& stored) {
  auto all = stored.list;
  for (const auto& room : stored.old_list.rooms) {
    if (std::ranges::find(all.rooms, room.jid, &Room::jid) == all.rooms.end()) all.rooms.push_back(room);
  }
  if (all.rest.empty()) all.rest = stored.old_list.rest;
  return all;
}

class Bookmarks final : public core::Module, public PrivateBookmarks {
 public:
  explicit Bookmarks(core::Shard& shard) : shard_(shard) {}

  void start(core::Registrar&) override {
    shard_.publish<PrivateBookmarks>(*this);
    // In the loop's first turn every module has published what others look for.
    shard_.post([this] {
      changes_ = shard_.service<PepOwnChanges>();
      if (changes_ == nullptr) return;
      for (const auto node : {native_node, list_node}) {
        changes_->follow(node, [this](core::Account& account, NodeChange change, AnswerChanges answer) {
          follow(account, std::move(change), std::move(answer));
        });
      }
    });
  }

  void configure(const config::Snapshot& snapshot) override {
    max_list_ = static_cast<std::size_t>(snapshot.get(config::options::limits_item));
  }

  // PrivateBookmarks
  void replace(core::Account& account, const core::Jid& publisher, std::string list, std::vector<storage::Write> writes,
               std::move_only_function<void(std::expected<void, StanzaError>)> done) override {
    if (changes_ == nullptr) return done(std::unexpected(core::store_away));
    const auto bytes = list.size() + sizeof(Stored);
    changes_->change(
        account, publisher, bytes,
        [this, list = std::move(list), writes = std::move(writes)](core::Account& owner, AnswerChanges answer) mutable {
          with_stored(owner, std::move(answer),
                      [this, list = std::move(list), writes = std::move(writes)](
                          const core::Account& now, const Stored& stored, AnswerChanges then) mutable {
                        auto outcome = after_list(stored.items, both(stored), {}, read_list(list), keeps(now));
                        if (!outcome) return then(std::unexpected(too_many));
                        finish(now, stored, std::move(*outcome), std::move(writes), std::move(then));
                      });
        },
        std::move(done));
  }

 private:
  [[nodiscard]] std::size_t keeps(const core::Account& account) const { return changes_->keeps(account, native_node); }

  // Reads what is stored, behind what is being committed.
  template <class Then>
  void with_stored(core::Account& account, AnswerChanges answer, Then then) {
    account.in_order([this, owner = account.jid, keep = keeps(account), answer = std::move(answer),
                      then = std::move(then)]() mutable {
      shard_.read([owner, keep](storage::Reader& reader) { return read_stored(reader, owner.str(), keep); },
                  [this, owner, answer = std::move(answer), then = std::move(then)](Result<Stored> stored) mutable {
                    const auto* now = shard_.find_account(owner.full());
                    if (!stored || now == nullptr) return answer(std::unexpected(core::store_away));
                    then(*now, *stored, std::move(answer));
                  });
    });
  }

  void follow(core::Account& account, NodeChange change, AnswerChanges answer) {
    // Who takes the list away has taken no room away: the next change writes it anew.
    if (change.node == list_node && change.kind != NodeChange::Kind::published) return answer(OwnChanges());
    with_stored(account, std::move(answer),
                [this, change = std::move(change)](const core::Account& now, Stored& stored, AnswerChanges then) {
                  auto outcome = outcome_of(now, change, stored);
                  if (!outcome) return then(std::unexpected(too_many));
                  finish(now, stored, std::move(*outcome), {}, std::move(then));
                });
  }

  [[nodiscard]] std::optional<Outcome> outcome_of(const core::Account& account, const NodeChange& change,
                                                  Stored& stored) const {
    using enum NodeChange::Kind;
    if (change.node == list_node) {
      stored.list_id = change.id;
      return after_list(stored.items, stored.list, stored.old_list, read_list(change.payload), keeps(account));
    }
    if (change.kind == emptied || change.kind == deleted) return after_clearance(stored.items, both(stored));
    return after_item(stored.items, both(stored), {change.id, change.payload}, change.kind == retracted,
                      keeps(account));
  }

  // Where only sealed content passes, nothing is written that an earlier setting let in.
  [[nodiscard]] bool is_allowed(const core::Account& account, ItemChange& item) const {
    const auto* host = shard_.host(account.jid.domain());
    if (host != nullptr && !host->sealed) return true;
    const auto document = xml::parse_element(*item.payload);
    if (!document) return false;
    auto allowed = pep::allowed_payload(item.node, item.id, document->root());
    if (allowed) item.payload = std::move(*allowed);
    return allowed.has_value();
  }

  void finish(const core::Account& account, const Stored& stored, Outcome outcome, std::vector<storage::Write> writes,
              AnswerChanges answer) const {
    OwnChanges changes{.writes = std::move(writes)};
    if (outcome.list) {
      auto list = write_list(*outcome.list);
      if (list.size() > max_list_) return answer(std::unexpected(too_many));
      changes.items.push_back({std::string(list_node), stored.list_id, std::move(list)});
    }
    for (auto& item : outcome.put) {
      changes.items.push_back({std::string(native_node), std::move(item.id), std::move(item.payload)});
    }
    std::erase_if(changes.items, [&](ItemChange& item) { return !is_allowed(account, item); });
    for (auto& id : outcome.removed) changes.items.push_back({std::string(native_node), std::move(id)});
    if (stored.has_old_list && outcome.list) {
      changes.writes.emplace_back(
          storage::RemoveAccountData{account.jid.str(), storage::DataKind::private_xml, std::string(private_name)});
    }
    answer(std::move(changes));
  }

  core::Shard& shard_;
  PepOwnChanges* changes_ = nullptr;
  std::size_t max_list_ = 96 * 1024;
};

}  // namespace

Result<std::string> read_private_list(storage::Reader& reader, const std::string& owner) {
  const auto stored = read_stored(reader, owner, 0);
  if (!stored) return std::unexpected(stored.error());
  if (!stored->has_list && !stored->has_old_list) return std::string();
  return write_list(both(*stored));
}

}  // namespace bookmarks

const core::Manifest& bookmarks_manifest() {
  static const core::Manifest manifest{
      .name = "bookmarks",
      .summary = "Keeps the bookmarks of rooms the same in every form that clients speak.",
      .implements = {{"XEP-0048", "1.2"}, {"XEP-0402", "1.2.0"}, {"XEP-0411", "1.1.0"}},
      .account_features = {"urn:xmpp:bookmarks:1#compat", "urn:xmpp:bookmarks:1#compat-pep",
                           "urn:xmpp:bookmarks-conversion:0"},
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<bookmarks::Bookmarks>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
