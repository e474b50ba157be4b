// A Unix-socket relay before mariadbd that can lose what matters most: the word COMMIT, or the answer to it.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace valise::storage::testing {

class Proxy {
 public:
  enum class Loss { nothing, question, answer };

  Proxy(std::string listen_at, std::string server);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  // The next COMMIT is not passed on, or is passed on and its answer is not; then both ends are closed.
  void lose(Loss what) { loss_ = what; }
  [[nodiscard]] int lost() const { return lost_; }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept_all();
  void relay(int client);

  const std::string path_;
  const std::string server_;
  int listener_ = -1;
  std::atomic<bool> stop_{false};
  std::atomic<Loss> loss_{Loss::nothing};
  std::atomic<int> lost_{0};
  std::atomic<int> connections_{0};
  std::vector<std::thread> relays_;  // the accepting thread's until it has ended
  std::thread acceptor_;
};

}  // namespace valise::storage::testing
