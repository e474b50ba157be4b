// A small town: two shards on threads of their own, a real committer and a real SQLite store in a new folder, the rooms
// roster, presence and offline, and devices that are no sockets. Waits are for events, never for time.
#pragma once

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/snapshot.hpp"
#include "core/committer.hpp"
#include "core/shard.hpp"
#include "modules/offline/offline.hpp"
#include "modules/omemo/table/table.hpp"
#include "modules/presence/presence.hpp"
#include "modules/roster/roster.hpp"
#include "storage/read_pool.hpp"

namespace valise::town {

using namespace std::chrono_literals;
inline constexpr auto patience = 20s;  // only a test that fails waits so long

class Town;

class Device final : public core::SessionStream {
 public:
  Device(Town& town, core::Shard& shard, std::string jid) : town_(town), shard_(shard), jid_(std::move(jid)) {}

  // As if it came over the socket; `from` is stamped. `number`: of the stanza in the stream (XEP-0198).
  void sends(const std::string& xml, std::uint32_t number = 0);
  // Waits for the first stanza that holds all the words and takes it and everything before out of the queue.
  std::string receives(const std::vector<std::string>& words);
  // Sends itself a fence and expects nothing with these words before it.
  void receives_no(const std::vector<std::string>& words);
  // An IQ and its answer.
  std::string asks(const std::string& type, const std::string& payload);
  // And `then`, in the same turn of its shard.
  void leaves(const std::function<void()>& then = {});
  // On its shard already:
  void leaves_here();
  void says_here(const std::string& xml) { from_client(*session_, xml); }
  // How many messages it was given in one turn of its shard, at most.
  [[nodiscard]] std::size_t most_in_a_turn();
  // Whether it came or was acknowledged by now: everything that this shard had to do before is done.
  [[nodiscard]] bool has(const std::vector<std::string>& words) { return count(words) > 0; }
  [[nodiscard]] std::size_t count(const std::vector<std::string>& words);
  [[nodiscard]] bool is_acknowledged(std::uint32_t number);
  void waits_for_ack(std::uint32_t number);
  [[nodiscard]] const std::string& jid() const { return jid_; }

  std::atomic<bool> answers_pings{true};
  std::atomic<bool> reads{true};
  std::atomic<std::size_t> dies_after{0};  // so many messages; 0: never

  void deliver(const core::StanzaPtr& stanza, const core::Jid* to, std::string_view extra) override;
  bool entrust(const core::StanzaPtr& stanza, std::string_view extra, core::Custody&) override {
    deliver(stanza, nullptr, extra);
    return false;
  }
  [[nodiscard]] bool connected() const noexcept override { return true; }
  [[nodiscard]] std::vector<std::uint64_t> held_rows() const override { return {}; }
  void acknowledge(std::uint64_t number) override {
    const std::lock_guard lock(mutex_);
    acknowledged_.push_back(number);
    came_.notify_all();
  }
  void when_sent(core::Departure& waiting) override {
    if (reads) return waiting.departed(true);
    departures_.wait(waiting, ++position_);
  }
  // What is kept for it while it does not read.
  [[nodiscard]] std::size_t kept() {
    std::size_t bytes = 0;
    on_home([&](core::Session&) { bytes = departures_.stuck(); });
    return bytes;
  }
  void end(std::string_view condition, std::string_view) override {
    const std::lock_guard lock(mutex_);
    ended_ = condition;
  }
  // The condition that the server ended it with; empty: it did not.
  [[nodiscard]] std::string ended() {
    on_home([](core::Session&) {});
    const std::lock_guard lock(mutex_);
    return ended_;
  }

 private:
  friend class Town;
  static bool holds(const std::string& text, const std::vector<std::string>& words) {
    return std::ranges::all_of(words, [&](const auto& word) { return text.find(word) != std::string::npos; });
  }
  void on_home(std::function<void(core::Session&)> work);  // waits
  void from_client(core::Session& session, const std::string& xml, std::uint32_t number = 0);

  Town& town_;
  core::Shard& shard_;
  const std::string jid_;
  std::unique_ptr<core::Session> session_;        // home shard only
  std::size_t messages_ = 0;                      // home shard only
  std::map<std::uint64_t, std::size_t> by_turn_;  // messages; home shard only
  core::Departures departures_;                   // home shard only
  std::uint64_t position_ = 0;                    // home shard only
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::string> inbox_;            // guarded by mutex_
  std::vector<std::uint64_t> acknowledged_;  // guarded by mutex_
  std::string ended_;                        // guarded by mutex_
  std::size_t numbers_ = 0;
};

// Holds the store's commits up, one by one.
class Gate {
 public:
  void close() { set(false); }
  void open() { set(true); }
  // Waits until the commit with this number, counted from the closing on, stands before the gate.
  void waits_for(std::size_t number) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, patience, [&] { return came_ >= number; }));
  }
  void lets_one_through() {
    const std::lock_guard lock(mutex_);
    ++allowed_;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    const auto number = ++came_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_ || number <= allowed_; });
  }

 private:
  void set(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    came_ = allowed_ = 0;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  std::size_t came_ = 0;
  std::size_t allowed_ = 0;
};

class Town {
 public:
  explicit Town(std::vector<std::string> names, std::uint32_t max_offline = 1'000, bool audit = false,
                std::vector<const core::Manifest*> more = {})
      : audit_(audit), more_(std::move(more)) {
    folder_ = std::filesystem::temp_directory_path() / ("valise-town-" + crypto_name());
    std::filesystem::create_directories(folder_);
    store_ = std::move(*storage::open_sqlite({.path = (folder_ / "valise.db").string()}));
    EXPECT_TRUE(store_->migrate());
    add_accounts(names);
    start(max_offline);
  }
  ~Town() {
    stop();
    std::filesystem::remove_all(folder_);
  }
  // As after a crash or a restart: what is not in the store is gone.
  void restart() {
    stop();
    start(1'000);
  }

  Device& device(const std::string& user, const std::string& resource) {
    const auto bare = *core::Jid::parse(user + "@x.org");
    auto& shard = kernel_->home(bare.full());
    auto device = std::make_unique<Device>(*this, shard, bare.str() + "/" + resource);
    auto* raw = device.get();
    devices_.push_back(std::move(device));
    std::promise<void> done;
    shard.post([&] {
      shard.with_account(bare, [&](core::Account* account) {
        ASSERT_NE(account, nullptr);
        raw->session_ =
            std::make_unique<core::Session>(kernel_->next_session++, *core::Jid::parse(raw->jid_), *account, *raw);
        shard.open_session(*raw->session_);
        done.set_value();
      });
    });
    EXPECT_EQ(done.get_future().wait_for(patience), std::future_status::ready);
    return *raw;
  }
  Device& available(const std::string& user, const std::string& resource) {
    auto& there = device(user, resource);
    there.sends("<presence/>");
    there.receives({"<presence", "from='" + there.jid()});
    return there;
  }
  // Both see each other from now on.
  void befriend(Device& a, Device& b) {
    for (auto [one, other] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
      one->sends("<presence type='subscribe' to='" + bare(*other) + "'/>");
      other->receives({"subscribe", "from='" + bare(*one)});
      other->sends("<presence type='subscribed' to='" + bare(*one) + "'/>");
      one->receives({"<presence", "from='" + other->jid()});
    }
  }
  static std::string bare(const Device& device) { return device.jid().substr(0, device.jid().find('/')); }

  // Bytes that wait for commits of the account.
  std::size_t waiting_bytes(const std::string& user) {
    const auto name = user + "@x.org";
    auto& shard = kernel_->home(name);
    std::promise<std::size_t> bytes;
    shard.post([&] { bytes.set_value(shard.find_account(name)->waiting_bytes()); });
    return bytes.get_future().get();
  }
  std::vector<storage::BoxMessage> waiting_for(const std::string& user) {
    auto reader = store_->open_reader();
    return *(*reader)->undelivered(user + "@x.org", 0, 10'000);
  }
  std::size_t accounts_in_memory() {
    std::size_t count = 0;
    for (auto& shard : kernel_->shards) {
      std::promise<std::size_t> here;
      shard->post([&] { here.set_value(shard->accounts().size()); });
      count += here.get_future().get();
    }
    return count;
  }
  storage::Roster roster_of(const std::string& user) {
    auto reader = store_->open_reader();
    return *(*reader)->roster(user + "@x.org");
  }

  std::vector<storage::AccountData> data_of(const std::string& user, storage::DataKind kind) {
    auto reader = store_->open_reader();
    return *(*reader)->account_data(user + "@x.org", kind);
  }

  [[nodiscard]] core::Kernel& kernel() { return *kernel_; }
  void write(storage::Write row) {  // behind the server's back
    storage::WriteSet set{.id = 2, .writes = {}};
    set.writes.push_back(std::move(row));
    const storage::WriteSet* sets[] = {&set};
    EXPECT_TRUE((*store_->open_writer())->commit(sets));
  }
  // Returns when all reads are done that were asked for before. Their results are posted by then.
  void reads_are_done() {
    auto both = std::make_shared<std::barrier<>>(static_cast<std::ptrdiff_t>(read_threads) + 1);
    for (unsigned i = 0; i < read_threads; ++i) {
      EXPECT_TRUE(readers_->submit([both](storage::Reader*) { both->arrive_and_wait(); }));
    }
    both->arrive_and_wait();
  }

  std::atomic<bool> store_fails{false};
  Gate gate;  // while it is closed, no commit of rows ends

 private:
  struct Faulty final : storage::Writer {
    Faulty(std::unique_ptr<storage::Writer> writer, std::atomic<bool>& flag, Gate& before)
        : inner(std::move(writer)), fails(flag), gate(before) {}
    Result<> commit(std::span<const storage::WriteSet* const> sets) override {
      gate.pass();
      if (fails) return fail(ErrorCode::internal, "the disk is full");
      return inner->commit(sets);
    }
    std::unique_ptr<storage::Writer> inner;
    std::atomic<bool>& fails;
    Gate& gate;
  };
  static std::string crypto_name() {
    static std::atomic<unsigned> number{0};
    return std::to_string(::getpid()) + "-" + std::to_string(number++);
  }

  void add_accounts(const std::vector<std::string>& names) {
    storage::WriteSet set{.id = 1, .writes = {}};
    for (const auto& name : names) set.writes.emplace_back(storage::PutAccount{{.jid = name + "@x.org", .keys = {}}});
    const storage::WriteSet* sets[] = {&set};
    EXPECT_TRUE((*store_->open_writer())->commit(sets));
  }

  void start(std::uint32_t max_offline) {
    kernel_ = std::make_unique<core::Kernel>();
    kernel_->cluster = std::make_unique<core::SingleNode>();
    kernel_->has_row = &modules::omemo::table::has_row;
    kernel_->modules = {&modules::roster_manifest(), &modules::presence_manifest(), &modules::offline_manifest()};
    kernel_->modules.insert(kernel_->modules.end(), more_.begin(), more_.end());
    auto settings = make_ref<core::Settings>();
    settings->hosts["x.org"] = {.name = "x.org"};
    settings->audit = audit_;
    settings->max_offline = max_offline;
    settings->roster_items = 20;
    for (unsigned i = 0; i < 2; ++i) kernel_->shards.push_back(std::make_unique<core::Shard>(*kernel_, i, settings));
    readers_ = std::make_unique<storage::ReadPool>(*store_, read_threads, 10'000);
    kernel_->readers = readers_.get();
    core::CommitterOptions options;
    options.last_id = *(*store_->open_reader())->greatest_id();
    committer_ = std::make_unique<core::Committer>(
        options, audit_ ? std::move(*core::audit::Log::open({.folder = (folder_ / "log").string()})) : nullptr,
        [this]() -> Result<std::unique_ptr<storage::Writer>> {
          auto writer = store_->open_writer();
          if (!writer) return writer;
          return std::make_unique<Faulty>(std::move(*writer), store_fails, gate);
        },
        [this](unsigned shard, std::vector<core::UnitPtr> units) {
          kernel_->shards[shard]->post(
              [units = std::make_unique<std::vector<core::UnitPtr>>(std::move(units))] { core::finish(*units); });
        });
    kernel_->committer = committer_.get();
    const auto config = make_ref<config::Snapshot>();
    for (auto& shard : kernel_->shards) EXPECT_TRUE(shard->start_modules(*config));
    for (auto& shard : kernel_->shards) threads_.emplace_back([&shard] { shard->loop().run(); });
  }
  void stop() {
    gate.open();
    for (auto& device : devices_) device->leaves();
    for (auto& shard : kernel_->shards) {
      std::promise<void> done;
      shard->post([&] {
        shard->stop_modules();
        done.set_value();
      });
      EXPECT_EQ(done.get_future().wait_for(patience), std::future_status::ready);
    }
    committer_->drain_and_stop(5s);
    readers_.reset();
    for (auto& shard : kernel_->shards) shard->loop().stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    devices_.clear();
    committer_.reset();
    kernel_.reset();
  }

  static constexpr unsigned read_threads = 2;
  const bool audit_;
  const std::vector<const core::Manifest*> more_;
  std::filesystem::path folder_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<core::Kernel> kernel_;
  std::unique_ptr<storage::ReadPool> readers_;
  std::unique_ptr<core::Committer> committer_;
  std::vector<std::thread> threads_;
  std::vector<std::unique_ptr<Device>> devices_;
};

inline void Device::from_client(core::Session& session, const std::string& xml, std::uint32_t number) {
  auto document = xml::parse_element(xml);
  ASSERT_TRUE(document) << xml;
  auto stanza = core::make_stanza(std::move(document));
  ASSERT_TRUE(stanza && *stanza) << xml;
  (*stanza)->from = session.jid;
  shard_.from_session(session, std::move(*stanza), number);
}

inline void Device::on_home(std::function<void(core::Session&)> work) {
  std::promise<void> done;
  shard_.post([&] {
    if (session_) work(*session_);
    done.set_value();
  });
  EXPECT_EQ(done.get_future().wait_for(patience), std::future_status::ready);
}

inline void Device::sends(const std::string& xml, std::uint32_t number) {
  on_home([&](core::Session& session) { from_client(session, xml, number); });
}

inline std::size_t Device::count(const std::vector<std::string>& words) {
  on_home([](core::Session&) {});
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(inbox_, [&](const auto& text) { return holds(text, words); }));
}

inline bool Device::is_acknowledged(std::uint32_t number) {
  on_home([](core::Session&) {});
  const std::lock_guard lock(mutex_);
  return std::ranges::find(acknowledged_, number) != acknowledged_.end();
}

inline void Device::waits_for_ack(std::uint32_t number) {
  std::unique_lock lock(mutex_);
  ASSERT_TRUE(
      came_.wait_for(lock, patience, [&] { return std::ranges::find(acknowledged_, number) != acknowledged_.end(); }))
      << jid_ << ": stanza " << number << " was never acknowledged";
}

inline void Device::leaves(const std::function<void()>& then) {
  on_home([&](core::Session&) {
    leaves_here();
    if (then) then();
  });
}

inline void Device::leaves_here() {
  shard_.close_session(*session_);
  session_.reset();
  departures_.give_back();
}

inline std::size_t Device::most_in_a_turn() {
  std::size_t most = 0;
  on_home([&](core::Session&) {
    for (const auto& [turn, messages] : by_turn_) most = std::max(most, messages);
  });
  return most;
}

inline void Device::deliver(const core::StanzaPtr& delivered, const core::Jid* to, std::string_view extra) {
  const auto& stanza = *delivered;
  std::string text;
  stanza.append(text, to, extra);
  if (stanza.kind == core::Kind::message) ++by_turn_[shard_.loop().turn()];
  if (stanza.kind == core::Kind::message && dies_after != 0 && ++messages_ >= dies_after) {
    shard_.post([this] {
      if (!session_) return;
      shard_.close_session(*session_);
      session_.reset();
    });
  }
  if (answers_pings && stanza.kind == core::Kind::iq && text.find("urn:xmpp:ping") != std::string::npos) {
    shard_.post([this, id = stanza.id] {
      if (session_) from_client(*session_, "<iq type='result' id='" + id + "'/>");
    });
  }
  const std::lock_guard lock(mutex_);
  inbox_.push_back(std::move(text));
  came_.notify_all();
}

inline std::string Device::receives(const std::vector<std::string>& words) {
  std::unique_lock lock(mutex_);
  const auto found = [&] { return std::ranges::find_if(inbox_, [&](const auto& text) { return holds(text, words); }); };
  if (!came_.wait_for(lock, patience, [&] { return found() != inbox_.end(); })) {
    std::string all;
    for (const auto& text : inbox_) all += "\n  " + text;
    ADD_FAILURE() << jid_ << " never got " << testing::PrintToString(words) << ", only" << all;
    return {};
  }
  const auto at = found();
  auto text = std::move(*at);
  inbox_.erase(inbox_.begin(), at + 1);
  return text;
}

inline void Device::receives_no(const std::vector<std::string>& words) {
  const auto fence = "fence-" + std::to_string(++numbers_);
  sends("<message type='error' to='" + jid_ + "' id='" + fence + "'/>");
  std::unique_lock lock(mutex_);
  const auto fenced = [&] {
    return std::ranges::find_if(inbox_, [&](const auto& text) { return holds(text, {"id='" + fence + "'"}); });
  };
  ASSERT_TRUE(came_.wait_for(lock, patience, [&] { return fenced() != inbox_.end(); })) << "the fence never came";
  for (auto at = inbox_.begin(); at != fenced(); ++at) EXPECT_FALSE(holds(*at, words)) << jid_ << " got " << *at;
}

inline std::string Device::asks(const std::string& type, const std::string& payload) {
  const auto id = "ask-" + std::to_string(++numbers_);
  sends("<iq type='" + type + "' id='" + id + "'>" + payload + "</iq>");
  return receives({"<iq", "id='" + id + "'"});
}

}  // namespace valise::town
