// A server on a loop of its own, and a client that is a bare socket.
#include "http/server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <string>
#include <thread>
#include <vector>

namespace valise::http {
namespace {

struct Door final : Doorkeeper {
  std::atomic<int> inside = 0;
  bool admit(const std::string&) override { return ++inside > 0; }
  void left(const std::string&) override { --inside; }
};

const std::string ask_large = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n";

class HttpServer : public ::testing::Test {
 protected:
  void SetUp() override {
    auto settings = make_ref<Settings>();
    ASSERT_TRUE(settings->proxies.add("127.0.0.1"));
    settings->origins.insert("https://chat.example.org");
    settings->queue_bytes = 4 * large;
    server_ = std::make_unique<Server>(loop_, door_, [] { return nullptr; }, Ref<const Settings>(settings));
    add({.methods = {Method::get}, .path = "/hello", .cors = Cors::anyone, .handler = [](Exchange exchange) {
           exchange.answer(plain(200, "hello " + exchange.request().client_address));
         }});
    add({.methods = {Method::post},
         .path = "/echo",
         .longest_body = 10,
         .cors = Cors::allowed,
         .handler = [](Exchange exchange) {
           const auto body = exchange.request().body;
           exchange.answer(plain(200, body));
         }});
    add({.methods = {Method::get}, .path = "/later", .handler = [this](Exchange exchange) {
           kept_.push_back(std::move(exchange));
         }});
    add({.methods = {Method::get}, .path = "/large", .handler = [this](Exchange exchange) {
           exchange.answer(plain(200, std::string(large, 'x')), [this](bool whole) { written_ += whole ? 1 : 100; });
         }});
    add({.methods = {Method::get}, .path = "/forgotten", .handler = [](const Exchange&) {}});
    auto sockets = net::bind_sockets("127.0.0.1:0", 1);
    ASSERT_TRUE(sockets);
    const auto endpoint = net::local_endpoint(sockets->front());
    port_ = static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)));
    ASSERT_TRUE(server_->listen(sockets->front(), false));
    thread_ = std::thread([this] { loop_.run(); });
  }
  void TearDown() override {
    loop_.stop();
    thread_.join();
    kept_.clear();
    server_.reset();
  }
  // What it gives in the loop's thread, which fills kept_ and then leaves it alone.
  template <class Ask>
  auto in_loop(Ask ask) {
    std::promise<decltype(ask())> answer;
    loop_.post([&] { answer.set_value(ask()); });
    return answer.get_future().get();
  }
  bool has_kept() {
    return in_loop([this] { return !kept_.empty(); });
  }
  void until_all_have_left() {
    while (in_loop([this] { return server_->count(); }) != 0) {
    }
  }
  void add(Route route) { ASSERT_TRUE(server_->router().add(std::move(route))); }

  int connect() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
  }
  static void send(int fd, std::string_view text) {
    EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // Until `end` has come, or `most` bytes, or the connection's end.
  static std::string read(int fd, std::string_view end, std::size_t most = std::string::npos) {
    std::string out;
    static char block[65'536];
    while (out.size() < most && (end.empty() || out.find(end) == std::string::npos)) {
      const auto got = ::recv(fd, block, sizeof block, 0);
      if (got <= 0) break;
      out.append(block, static_cast<std::size_t>(got));
    }
    return out;
  }
  std::string ask(std::string_view request) {
    const int fd = connect();
    send(fd, request);
    const auto out = read(fd, {});
    ::close(fd);
    return out;
  }

  net::Loop loop_;
  Door door_;
  std::unique_ptr<Server> server_;
  static constexpr std::size_t large = 16'000'000;  // more than two sockets hold
  std::vector<Exchange> kept_;
  int written_ = 0;  // answers of /large that were taken whole, and a hundred for each that was not
  std::uint16_t port_ = 0;
  std::thread thread_;
};

TEST_F(HttpServer, answers_one_request_behind_the_other) {
  const int fd = connect();
  send(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const auto out = read(fd, {});
  ::close(fd);
  EXPECT_EQ(out.find("HTTP/1.1 200 OK\r\n"), 0U);
  EXPECT_NE(out.find("hello 127.0.0.1\nHTTP/1.1 200 OK\r\n"), std::string::npos) << out;
  EXPECT_NE(out.find("Access-Control-Allow-Origin: *\r\n"), std::string::npos);
  EXPECT_NE(out.find("Connection: close\r\n"), std::string::npos);
}

TEST_F(HttpServer, believes_a_declared_proxy) {
  const auto out = ask("GET /hello HTTP/1.0\r\nX-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n\r\n");
  EXPECT_NE(out.find("hello 203.0.113.9\n"), std::string::npos) << out;
  EXPECT_EQ(out.find("HTTP/1.0 200"), 0U);
}

TEST_F(HttpServer, refuses_who_came_to_the_proxy_without_tls) {
  EXPECT_EQ(ask("GET /hello HTTP/1.0\r\nX-Forwarded-Proto: http\r\n\r\n").find("HTTP/1.0 403"), 0U);
  EXPECT_EQ(ask("GET /hello HTTP/1.0\r\nX-Forwarded-Proto: https\r\n\r\n").find("HTTP/1.0 200"), 0U);
}

TEST_F(HttpServer, refuses_with_the_exact_status) {
  EXPECT_EQ(ask("GET /nowhere HTTP/1.0\r\n\r\n").find("HTTP/1.0 404"), 0U);
  const auto wrong = ask("POST /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(wrong.find("HTTP/1.0 405"), 0U);
  EXPECT_NE(wrong.find("Allow: GET, HEAD, OPTIONS\r\n"), std::string::npos);
  EXPECT_EQ(ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n").find("HTTP/1.1 413"), 0U);
  EXPECT_EQ(ask("nonsense\r\n\r\n").find("HTTP/1.1 400"), 0U);
  EXPECT_EQ(ask("GET /forgotten HTTP/1.0\r\n\r\n").find("HTTP/1.0 500"), 0U);
}

TEST_F(HttpServer, tells_the_length_and_keeps_the_body_for_head) {
  const auto out = ask("HEAD /hello HTTP/1.0\r\n\r\n");
  EXPECT_NE(out.find("Content-Length: 16\r\n"), std::string::npos) << out;
  EXPECT_TRUE(out.ends_with("\r\n\r\n"));
}

TEST_F(HttpServer, lets_allowed_origins_only_reach_the_handler) {
  const auto from = [this](std::string origin) {
    return ask("POST /echo HTTP/1.0\r\nOrigin: " + origin + "\r\nContent-Length: 2\r\n\r\nhi");
  };
  const auto good = from("https://chat.example.org");
  EXPECT_EQ(good.find("HTTP/1.0 200"), 0U);
  EXPECT_NE(good.find("Access-Control-Allow-Origin: https://chat.example.org\r\n"), std::string::npos);
  for (const auto* other : {"https://evil.example", "http://chat.example.org", "null"}) {
    const auto bad = from(other);
    EXPECT_EQ(bad.find("HTTP/1.0 403"), 0U) << other;
    EXPECT_EQ(bad.find("Access-Control-Allow-Origin"), std::string::npos);
  }
  const auto preflight = ask("OPTIONS /echo HTTP/1.0\r\nOrigin: https://chat.example.org\r\n\r\n");
  EXPECT_EQ(preflight.find("HTTP/1.0 204"), 0U);
  EXPECT_NE(preflight.find("Access-Control-Allow-Methods: POST, OPTIONS\r\n"), std::string::npos);
}

TEST_F(HttpServer, asks_for_a_body_that_waits_to_be_asked_for) {
  const int fd = connect();
  send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(read(fd, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  send(fd, "hi");
  EXPECT_TRUE(read(fd, {}).ends_with("\r\n\r\nhi\n"));
  ::close(fd);
}

TEST_F(HttpServer, answers_later_and_from_another_thread) {
  const int fd = connect();
  send(fd, "GET /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  std::promise<bool> written;
  while (!has_kept()) {
  }
  kept_.front().answer(plain(200, "late"), [&](bool whole) { written.set_value(whole); });
  EXPECT_TRUE(read(fd, {}).ends_with("late\n"));
  EXPECT_TRUE(written.get_future().get());
  ::close(fd);
}

TEST_F(HttpServer, tells_of_each_answer_where_the_next_is_asked_for_before_the_first_was_read) {
  const int fd = connect();
  send(fd, ask_large + ask_large);
  EXPECT_GE(read(fd, {}, 2 * large).size(), 2 * large);
  while (in_loop([this] { return written_; }) < 2) {
  }
  ::close(fd);
  until_all_have_left();
  EXPECT_EQ(in_loop([this] { return written_; }), 2);
}

TEST_F(HttpServer, tells_of_each_answer_that_a_client_does_not_take) {
  const int fd = connect();
  send(fd, ask_large + ask_large);
  EXPECT_EQ(read(fd, "xxx").substr(0, 15), "HTTP/1.1 200 OK");
  ::close(fd);
  until_all_have_left();
  EXPECT_EQ(in_loop([this] { return written_; }), 200);
}

TEST_F(HttpServer, sends_what_it_has_begun_when_it_is_shut_down) {
  const int fd = connect();
  send(fd, ask_large);
  auto out = read(fd, "xxx");
  in_loop([this] {
    server_->shut_down();
    return true;
  });
  out += read(fd, {});
  EXPECT_GT(out.size(), large);
  ::close(fd);
}

TEST_F(HttpServer, says_that_the_client_is_gone) {
  const int fd = connect();
  send(fd, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  while (!has_kept()) {
  }
  ::close(fd);
  until_all_have_left();
  std::promise<bool> written;
  kept_.front().answer(plain(200), [&](bool whole) { written.set_value(whole); });
  EXPECT_FALSE(written.get_future().get());
}

}  // namespace
}  // namespace valise::http
