#include "storage/read_pool.hpp"

#include <atomic>
#include <future>
#include <latch>

#include "bed.hpp"

namespace valise::storage::testing {
namespace {

// A store whose readers can be taken away; the reads themselves are SQLite's.
class Fickle final : public Store {
 public:
  explicit Fickle(Store& store) : store_(store) {}
  Result<> claim() override { return {}; }
  Result<> migrate() override { return store_.migrate(); }
  Result<std::unique_ptr<Reader>> open_reader() override {
    ++asked;
    if (away) return fail(ErrorCode::unavailable, "away");
    return store_.open_reader();
  }
  Result<std::unique_ptr<Writer>> open_writer() override { return store_.open_writer(); }
  Result<> settle() override { return store_.settle(); }
  std::string describe() const override { return "fickle"; }

  std::atomic<bool> away{false};
  std::atomic<int> asked{0};

 private:
  Store& store_;
};

class ReadPoolTest : public ::testing::Test {
 protected:
  Bed bed{Kind::sqlite};
  Fickle store{bed.store()};
};

TEST_F(ReadPoolTest, JobsReadWhatWasCommitted) {
  const auto id = bed.next_id();
  bed.commit({to_one(id, "alice@valise.example")});
  ReadPool pool(store, 3, 100);
  std::atomic<int> found{0};
  std::latch done(50);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(pool.submit([&](Reader* reader) {
      if (reader && must(reader->has_message(id))) ++found;
      done.count_down();
    }));
  }
  done.wait();
  EXPECT_EQ(found, 50);
  EXPECT_LE(store.asked, 3);  // one Reader a thread, kept
}

TEST_F(ReadPoolTest, AFullQueueRefuses) {
  std::promise<void> go;
  const auto gone = go.get_future().share();
  std::promise<void> begun;
  std::atomic<int> ran{0};
  {
    ReadPool pool(store, 1, 2);
    ASSERT_TRUE(pool.submit([&](Reader*) {
      begun.set_value();
      gone.wait();
    }));
    begun.get_future().wait();  // the only thread is busy, the queue empty
    EXPECT_TRUE(pool.submit([&](Reader*) { ++ran; }));
    EXPECT_TRUE(pool.submit([&](Reader*) { ++ran; }));
    EXPECT_FALSE(pool.submit([&](Reader*) { ran += 100; }));
    go.set_value();
  }
  EXPECT_EQ(ran, 2);  // the end of the pool runs what it had taken, nothing else
}

TEST_F(ReadPoolTest, WhileTheStoreIsAwayJobsGetNoReaderAndTheStoreIsNotFlooded) {
  store.away = true;
  ReadPool pool(store, 1, 1000);
  std::latch done(1000);
  std::atomic<int> without{0};
  for (int i = 0; i < 1000; ++i) {
    while (!pool.submit([&](Reader* reader) {
      without += reader == nullptr;
      done.count_down();
    }))
      std::this_thread::yield();
  }
  done.wait();
  EXPECT_EQ(without, 1000);
  EXPECT_LE(store.asked, 20);

  store.away = false;
  bool back = false;  // after the wait between two attempts
  for (int i = 0; !back && i < 10'000'000; ++i) {
    std::promise<bool> answer;
    if (pool.submit([&](Reader* reader) { answer.set_value(reader != nullptr); })) back = answer.get_future().get();
  }
  EXPECT_TRUE(back);
}

}  // namespace
}  // namespace valise::storage::testing
