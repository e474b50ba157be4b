// The administrator's socket: valisectl asks, one JSON object a line, and gets one back.
//   {"command":"user.add","jid":"alice@example.org","password":"…"} →
//   {"ok":true,"result":{…}} | {"ok":false,"error":{"code":"conflict","text":"…"}}
// A Unix socket with mode 0600; only root and the server's own user are heard (SO_PEERCRED). A thread a client, at most
// `max_clients`, ten seconds each to say something: it is no data path.
#pragma once

#include <atomic>
#include <list>
#include <stop_token>
#include <string>
#include <thread>

#include "base/error.hpp"

namespace valise {

class App;

class Control {
 public:
  static constexpr std::size_t max_clients = 16;

  explicit Control(App& app) : app_(app) {}
  ~Control() { stop(); }
  // `path` empty: no socket.
  [[nodiscard]] Result<> start(const std::string& path);
  // Commands that wait are answered at once: with what is known.
  void stop();

 private:
  struct Client {
    std::thread thread;
    std::atomic<bool> done{false};
  };
  void run();
  void admit(int socket);
  void serve(int socket);
  void join_clients(bool all);

  App& app_;
  std::string path_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};  // written once, never read: it wakes every thread
  std::thread thread_;
  std::stop_source stopping_;
  std::list<Client> clients_;  // of thread_
};

// Answers one request. `stop`: give up waiting.
[[nodiscard]] std::string answer_control(App& app, const std::string& request, const std::stop_token& stop);
// The answer that is an error.
[[nodiscard]] std::string control_error(const Error& error);

}  // namespace valise
