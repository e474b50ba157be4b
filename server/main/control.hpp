// The administrator's socket: valisectl asks, one JSON object a line, and gets one back.
//   {"command":"user.add","jid":"alice@example.org","password":"…"} → {"ok":true,"result":{…}} | {"ok":false,"error":"…"}
// A Unix socket with mode 0600; only root and the server's own user are heard (SO_PEERCRED). One thread, one client at
// a time, ten seconds each to say something: it is no data path.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "base/error.hpp"

namespace valise {

class App;

class Control {
 public:
  explicit Control(App& app) : app_(app) {}
  ~Control() { stop(); }
  // `path` empty: no socket.
  [[nodiscard]] Result<> start(const std::string& path);
  void stop();

 private:
  void run();
  void serve(int client);
  App& app_;
  std::string path_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  std::thread thread_;
  std::atomic<bool> stopping_{false};
};

// Answers one request; public so that tests need no socket.
[[nodiscard]] std::string answer_control(App& app, const std::string& request);

}  // namespace valise
