// Random writes against a model of maps, in random batches, some written twice; then everything is compared.
#include <algorithm>
#include <random>

#include "bed.hpp"
#include "model.hpp"

namespace valise::storage::testing {
namespace {

constexpr int accounts = 5;
constexpr int nodes = 3;
constexpr int data_kinds = 12;

class ModelTest : public Contract {
 protected:
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  bool chance(int percent) { return below(100) < percent; }
  static std::string owner(int i) { return "user" + std::to_string(i) + "@valise.example"; }
  std::string owner() { return owner(below(accounts)); }
  std::string word() { return std::string(below(20), static_cast<char>('a' + below(26))); }
  static std::string node(int i) { return "node" + std::to_string(i); }

  std::uint64_t old_id() {
    if (ids_.empty() || chance(5)) return bed.next_id();
    return ids_[ids_.size() - 1 -
                static_cast<std::size_t>(below(static_cast<int>(std::min<std::size_t>(60, ids_.size()))))];
  }

  Write message() {
    if (chance(60)) return conversation();
    PutMessage put{sealed(owner(), owner(), word()), {}};
    // To a room: three or more have it.
    std::vector<int> all{0, 1, 2, 3, 4};
    std::ranges::shuffle(all, random_);
    const int count = chance(50) ? 0 : 3 + below(accounts - 2);
    const auto room = "room@valise.example";
    for (int i = 0; i < count; ++i) put.boxes.push_back({owner(all[i]), room, Direction(below(2)), chance(30)});
    return put;
  }
  // As a server with archives writes it: each side by its own wishes.
  Write conversation() {
    const auto from = owner(), to = owner();
    PutMessage put{sealed(from, to, word()), {}};
    if (chance(80)) put.boxes.push_back({to, from, Direction::in, chance(50), chance(80)});
    if (from != to && chance(80)) put.boxes.push_back({from, to, Direction::out, true});
    return put;
  }
  std::vector<std::uint64_t> old_ids() {
    std::vector<std::uint64_t> ids;
    for (int i = below(6); i >= 0; --i) ids.push_back(old_id());
    return ids;
  }
  Write mark() {
    if (chance(20)) return MarkUndelivered{owner(), old_ids()};
    if (chance(20)) return ExpireMessages{owner(), old_ids()};
    return MarkDelivered{owner(), old_ids(), chance(40)};
  }
  Write hold() {
    const auto message = sealed(owner(), owner(), word());
    return PutHeld{{.owner = owner(),
                    .due_ms = below(50),
                    .from = message.from,
                    .to = message.to,
                    .stanza_id = message.stanza_id,
                    .digest = message.digest,
                    .rule = word(),
                    .unsealed = word(),
                    .reason = word(),
                    .stanza = message.stanza}};
  }
  Write release() {
    if (chance(20)) return SetHeldDue{owner(), below(50)};
    return RemoveHeld{old_id()};
  }
  Write other() {
    if (chance(10)) return release();
    switch (below(12)) {
      case 0:
        if (chance(30)) return SetAccountState{owner(), AccountState(below(2))};
        if (chance(40)) return SetAccountKeys{owner(), {{"SHA-256", word(), 4096, word(), word()}}};
        return PutAccount{{owner(), AccountState(below(2)), {{"SHA-1", word(), 4096, word(), word()}}, below(1000)}};
      case 1:
        return chance(20) ? Write(EraseAccount{owner()}) : Write(RemoveRosterItem{owner(), owner()});
      case 2:
      case 3:
        return PutRosterItem{
            owner(), {owner(), word(), {word(), word()}, Subscription(below(4)), chance(50), chance(50), word()}};
      case 4:
        return PutPepNode{owner(), {node(below(nodes)), {{word(), word()}}}};
      case 5:
        return chance(30) ? Write(RemovePepNode{owner(), node(below(nodes))})
                          : Write(PurgePepNode{owner(), node(below(nodes))});
      case 6:
        return RemovePepItem{owner(), node(below(nodes)), std::to_string(below(6))};
      case 7:
        return PutAccountData{owner(), DataKind(below(data_kinds)), {node(below(nodes)), word()}};
      case 8:
        return RemoveAccountData{owner(), DataKind(below(data_kinds)), node(below(nodes))};
      default:
        return PutPepItem{owner(),
                          {node(below(nodes)), std::to_string(below(6)), word(), word()},
                          static_cast<std::uint32_t>(1 + below(4))};
    }
  }
  WriteSet set() {
    WriteSet set{.id = bed.next_id()};
    ids_.push_back(set.id);
    if (chance(60)) set.writes.push_back(message());
    if (chance(20)) set.writes.push_back(hold());
    for (int i = below(3); i > 0; --i) set.writes.push_back(chance(50) ? mark() : other());
    std::ranges::shuffle(set.writes, random_);
    return set;
  }

  // All pages of a reading that goes on behind the last id.
  template <class Read>
  static std::vector<BoxMessage> pages(std::size_t size, Read read) {
    std::vector<BoxMessage> all;
    for (std::uint64_t after = 0;;) {
      const auto page = must(read(after, size));
      EXPECT_LE(page.size(), size);
      all.insert(all.end(), page.begin(), page.end());
      if (page.size() < size) return all;
      after = page.back().id;
    }
  }

  // All pages of any size, from both ends, between any bounds.
  void expect_equal_archive(const Model& model, Reader& reader, ArchiveRange range) {
    const auto all = model.archived(range);
    ASSERT_EQ(must(reader.archived(range, 1'000'000, false)), all);
    ASSERT_EQ(pages(5,
                    [&](auto after, auto size) {
                      auto page = range;
                      page.after = std::max(page.after, after);
                      return reader.archived(page, size, false);
                    }),
              all);
    auto backwards = must(reader.archived(range, 7, true));
    std::ranges::reverse(backwards);
    const auto tail = all.size() - std::min<std::size_t>(7, all.size());
    ASSERT_EQ(backwards, std::vector<BoxMessage>(all.begin() + static_cast<std::ptrdiff_t>(tail), all.end()));
    if (!range.party.empty()) return;
    ASSERT_EQ(must(reader.archive_size(range, 1'000'000)), all.size());
    ASSERT_EQ(must(reader.archive_size(range, 3)), std::min<std::size_t>(3, all.size()));
  }
  void expect_equal_archives(const Model& model, Reader& reader, const std::string& name) {
    for (int i = -1; i < accounts; ++i) {
      const auto peer = i < 0 ? std::string() : owner(i);
      for (const bool bounded : {false, true}) {
        ArchiveRange range{.owner = name, .peer = peer};
        if (bounded) range.after = old_id(), range.before = old_id();
        SCOPED_TRACE(name + " with " + peer);
        ASSERT_NO_FATAL_FAILURE(expect_equal_archive(model, reader, range));
        if (!peer.empty()) {
          range.party = chance(50) ? peer : sealed(peer, name).from;
          ASSERT_NO_FATAL_FAILURE(expect_equal_archive(model, reader, range));
        }
      }
    }
    const auto all = model.archived({.owner = name});
    for (const auto id : ids_) {
      const bool there = std::ranges::find(all, id, &BoxMessage::id) != all.end();
      ASSERT_EQ(must(reader.is_archived(name, id)), there) << id;
    }
    std::vector<BoxMessage> received;
    for (const auto& message : all) {
      if (message.direction != Direction::in) continue;
      received.push_back(message);
      received.back().stanza.clear();
    }
    std::ranges::reverse(received);
    ASSERT_EQ(must(reader.newest_received(name, 0, 1'000'000)), received);
    if (received.size() > 3) received.resize(3);
    ASSERT_EQ(must(reader.newest_received(name, 0, 3)), received);
  }

  static void expect_equal_held(const Model& model, Reader& reader) {
    for (const std::int64_t until : {-1, 0, 20, 1'000'000}) {
      std::vector<HeldMessage> all;
      for (HeldPlace after;;) {
        const auto page = must(reader.held_due(until, after, 3));
        all.insert(all.end(), page.begin(), page.end());
        if (page.size() < 3) break;
        after = {page.back().due_ms, page.back().id};
      }
      ASSERT_EQ(all, model.held_due(until)) << until;
    }
    for (int i = 0; i < accounts; ++i) {
      const auto all = model.held_of(owner(i));
      ASSERT_EQ(must(reader.held_of(owner(i), 0, 1'000'000)), all);
      if (all.size() < 2) continue;
      ASSERT_EQ(must(reader.held_of(owner(i), all[0].id, 1)), std::vector{all[1]});
    }
  }

  void expect_equal(const Model& model) { expect_equal(model, bed.reader()); }
  void expect_equal(const Model& model, Reader& reader) {
    ASSERT_EQ(must(reader.greatest_id()), model.greatest_id());
    ASSERT_EQ(must(reader.messages_after(0, 1'000'000)), model.messages());
    ASSERT_EQ(pages(7, [&](auto after, auto size) { return reader.messages_after(after, size); }), model.messages());
    ASSERT_EQ(must(reader.accounts("valise.example")), model.accounts("valise.example"));
    ASSERT_EQ(must(reader.accounts("example")), model.accounts("example"));
    for (const auto id : ids_) ASSERT_EQ(must(reader.has_message(id)), model.has_message(id)) << id;
    ASSERT_NO_FATAL_FAILURE(expect_equal_held(model, reader));
    for (int i = 0; i < accounts; ++i) {
      const auto name = owner(i);
      ASSERT_EQ(must(reader.account(name)), model.account(name)) << name;
      ASSERT_EQ(must(reader.roster(name)).version, model.roster(name).version) << name;
      ASSERT_EQ(must(reader.roster(name)).items, model.roster(name).items) << name;
      ASSERT_EQ(must(reader.pep_nodes(name)), model.pep_nodes(name)) << name;
      for (int n = 0; n < nodes; ++n) ASSERT_NO_FATAL_FAILURE(expect_equal_items(model, reader, name, node(n)));
      for (int kind = 0; kind < data_kinds; ++kind) {
        const auto all = model.account_data(name, DataKind(kind));
        ASSERT_EQ(must(reader.account_data(name, DataKind(kind))), all) << name << ' ' << kind;
        for (const auto& one : all) {
          ASSERT_EQ(must(reader.account_data(name, DataKind(kind), one.name)), std::vector{one});
        }
      }
      ASSERT_EQ(must(reader.undelivered(name, 0, 1'000'000)), model.undelivered(name)) << name;
      ASSERT_NO_FATAL_FAILURE(expect_equal_archives(model, reader, name));
      ASSERT_EQ(pages(3, [&](auto after, auto size) { return reader.undelivered(name, after, size); }),
                model.undelivered(name));
      for (const auto id : ids_)
        ASSERT_EQ(must(reader.message(name, id)), model.message(name, id)) << name << ' ' << id;
    }
  }

  static void expect_equal_items(const Model& model, Reader& reader, const std::string& name, const std::string& node) {
    const auto all = model.pep_items(name, node);
    ASSERT_EQ(must(reader.pep_items(name, node, 1000)), all);
    for (std::size_t limit = 1; limit <= all.size(); ++limit) {
      ASSERT_EQ(must(reader.pep_items(name, node, limit)), std::vector<PepItem>(all.begin(), all.begin() + limit));
    }
    for (int id = 0; id < 6; ++id) {
      const auto found = std::ranges::find(all, std::to_string(id), &PepItem::id);
      const auto expected = found == all.end() ? std::vector<PepItem>() : std::vector<PepItem>{*found};
      ASSERT_EQ(must(reader.pep_items(name, node, 1, std::to_string(id))), expected) << id;
    }
  }

  void run(unsigned seed) {
    SCOPED_TRACE(seed);
    random_.seed(seed);
    Model model;
    for (int round = 0; round < 40; ++round) {
      std::vector<WriteSet> batch;
      for (int i = below(chance(20) ? 100 : 8); i >= 0; --i) batch.push_back(set());
      for (const auto& s : batch) model.apply(s);
      const int times = chance(40) ? 2 : 1;  // twice: the answer was lost
      for (int i = 0; i < times; ++i) ASSERT_NO_FATAL_FAILURE(bed.commit(batch));
      if (round % 10 != 9) continue;
      ASSERT_NO_FATAL_FAILURE(expect_equal(model));
    }
    const auto again = bed.open_again();  // and so does another process see it
    const auto reader = must(again->open_reader());
    ASSERT_NO_FATAL_FAILURE(expect_equal(model, *reader));
  }

 private:
  std::mt19937 random_;
  std::vector<std::uint64_t> ids_;
};

TEST_P(ModelTest, RandomWritesLeaveWhatTheModelHolds1) { run(1); }
TEST_P(ModelTest, RandomWritesLeaveWhatTheModelHolds2) { run(20261124); }
TEST_P(ModelTest, RandomWritesLeaveWhatTheModelHolds3) { run(4'000'000'007U); }

// Each kind of write on its own, after a history that gives it something to change, twice.
TEST_P(ModelTest, EachSetWrittenTwiceGivesTheSameState) {
  Model model;
  const auto first = bed.next_id();
  const WriteSet history{
      .id = first,
      .writes = {
          PutAccount{{owner(0), AccountState::active, {}, 5}}, PutRosterItem{owner(0), {.jid = owner(1)}},
          PutPepNode{owner(0), {.node = "n"}}, PutPepItem{owner(0), {.node = "n", .id = "old"}, 2},
          PutMessage{sealed(owner(1), owner(0)), {{owner(0), owner(1)}, {owner(1), owner(0), Direction::out, true}}}}};
  bed.commit({history});
  model.apply(history);
  const std::vector<Write> kinds{
      PutAccount{{owner(0), AccountState::disabled, {}, 5}},
      SetAccountState{owner(0), AccountState::active},
      SetAccountKeys{owner(0), {{"SHA-1", "salt", 4096, "stored", "server"}}},
      PutRosterItem{owner(0), {.jid = owner(2)}},
      RemoveRosterItem{owner(0), owner(1)},
      PutPepNode{owner(0), {.node = "o"}},
      PutPepItem{owner(0), {.node = "n", .id = "a"}, 2},
      PutPepItem{owner(0), {.node = "n", .id = "b"}, 2},
      RemovePepItem{owner(0), "n", "a"},
      PurgePepNode{owner(0), "n"},
      RemovePepNode{owner(0), "n"},
      PutAccountData{owner(0), DataKind::vcard, {"a", "1"}},
      PutAccountData{owner(0), DataKind::vcard, {"a", "2"}},
      PutAccountData{owner(0), DataKind::blocked, {"a", "3"}},
      RemoveAccountData{owner(0), DataKind::vcard, "a"},
      PutMessage{sealed(owner(1), owner(0)), {{owner(0), owner(1)}}},
      MarkDelivered{owner(0), {first}, true},
      MarkUndelivered{owner(0), {first}},
      ExpireMessages{owner(0), {first}},
      PutHeld{{.owner = owner(0), .due_ms = 7, .from = "a@b/c", .to = owner(0), .stanza = "<message/>"}},
      SetHeldDue{owner(0), 9},
      RemoveHeld{first + 1},
      MarkDelivered{owner(0), {first}, true},
      ExpireMessages{owner(0), {first}},
      PutMessage{sealed(owner(1), owner(0)), {{owner(0), owner(1), Direction::in, false, false}}},
      MarkDelivered{owner(0), {first}, false},
      EraseAccount{owner(0)},
      SetAccountState{owner(0), AccountState::active},  // a tombstone stays one
      SetAccountKeys{owner(0), {{"SHA-1", "salt", 4096, "stored", "server"}}}};
  for (const auto& write : kinds) {
    SCOPED_TRACE(write.index());
    const WriteSet set{.id = bed.next_id(), .writes = {write}};
    model.apply(set);
    bed.commit({set});
    ASSERT_NO_FATAL_FAILURE(expect_equal(model));
    bed.commit({set});
    ASSERT_NO_FATAL_FAILURE(expect_equal(model));
  }
}

INSTANTIATE_TEST_SUITE_P(each, ModelTest, all_kinds(), name_of_kind);

}  // namespace
}  // namespace valise::storage::testing
