// One event loop a shard: epoll (level-triggered), a mailbox for other threads, a timer wheel, and work that is put off
// to the end of the turn, so that everything written in one turn leaves in one system call a connection.
//
// A turn: wait → socket events → mailbox → timers → a share → end-of-turn work (outboxes, then socket writes).
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "base/error.hpp"
#include "net/timer_wheel.hpp"

namespace valise::net {

using Task = std::move_only_function<void()>;

class IoHandler {
 public:
  virtual void on_io(std::uint32_t epoll_events) = 0;

 protected:
  ~IoHandler() = default;
};

// Something to do once when the turn ends, asked for by enqueue(). Must call Loop::cancel before it dies.
class TurnEnd {
 public:
  virtual void on_turn_end() = 0;

 protected:
  virtual ~TurnEnd() = default;

 private:
  friend class Loop;
  bool queued_ = false;
};

// Who would take more of a turn than others waits in a line for its share: one has its own each turn, so that those who
// want little never wait for all who want much. Must call Loop::cancel before it dies.
class Share {
 public:
  virtual void on_share() = 0;

 protected:
  virtual ~Share() = default;
  [[nodiscard]] bool waits_for_share() const noexcept { return waits_; }

 private:
  friend class Loop;
  bool waits_ = false;
};

class Handshakes;

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // -- any thread
  void post(Task task);
  void post(std::vector<Task>& tasks);  // takes them all, leaves it empty
  void stop();
  // When the turn of this thread's loop is over, and other loops have what it sent them; at once on a thread without.
  static void after_turn(Task task);

  // -- this loop's thread only
  void run();
  [[nodiscard]] Result<> watch(int fd, std::uint32_t epoll_events, IoHandler& handler);
  void change(int fd, std::uint32_t epoll_events, IoHandler& handler);
  void unwatch(int fd, IoHandler& handler);  // the handler gets no further call, also not from this turn
  void enqueue(TurnEnd& work);
  void cancel(TurnEnd& work);
  // Its work comes before all others' of a turn: what other loops are sent they have before anybody is answered here.
  // Until it is cancelled.
  void set_first(TurnEnd& work) noexcept { first_ = &work; }
  void wait_for_share(Share& one);  // in this turn or a later one, in the order of these calls
  void cancel(Share& one);
  void set_handshakes(Handshakes* threads) noexcept { handshakes_ = threads; }  // null: its own thread does them
  [[nodiscard]] Handshakes* handshakes() const noexcept { return handshakes_; }
  [[nodiscard]] TimerWheel& timers() noexcept { return timers_; }
  [[nodiscard]] std::uint64_t turn() const noexcept { return turn_; }     // counts from 1
  [[nodiscard]] std::int64_t now_ms() const noexcept { return now_ms_; }  // monotonic, as of this turn
  [[nodiscard]] bool is_current() const noexcept;                         // called on the loop's own thread

 private:
  void wait_for_events();
  void run_mailbox();
  void run_share();
  void run_turn_end();
  void run_first();
  void wake();

  int epoll_ = -1;
  int wake_fd_ = -1;
  TimerWheel timers_;
  std::int64_t now_ms_ = 0;
  std::uint64_t turn_ = 0;
  TurnEnd* first_ = nullptr;
  std::vector<TurnEnd*> turn_end_;
  std::deque<Share*> shares_;
  Handshakes* handshakes_ = nullptr;
  struct Ready;
  Ready* ready_ = nullptr;  // events of the turn that is being handled

  // Crosses threads.
  std::mutex mailbox_mutex_;  // guards mailbox_
  std::vector<Task> mailbox_;
  std::vector<Task> running_;  // loop thread only: the batch being run
  std::atomic<bool> sleeping_{false};
  std::atomic<bool> has_mail_{false};
  std::atomic<bool> stopping_{false};
};

}  // namespace valise::net
