#include "http/parser.hpp"

#include <gtest/gtest.h>

namespace valise::http {
namespace {

using State = RequestParser::State;

struct Outcome {
  unsigned fault = 0;
  Request request;
  std::string left;
  bool whole = false;
};

// In pieces of `size` bytes.
Outcome parse(std::string_view text, std::size_t size = 100'000, std::size_t longest_body = 1'000) {
  Outcome out;
  RequestParser parser;
  std::string input;
  while (!text.empty() || !input.empty()) {
    const auto before = input.size();
    input += text.substr(0, size);
    text.remove_prefix(std::min(size, text.size()));
    const auto state = parser.feed(input);
    if (!state) {
      out.fault = state.error();
      return out;
    }
    if (*state == State::body) parser.limit_body(longest_body);
    if (*state == State::whole) {
      out.request = parser.take();
      out.left = input + std::string(text);
      out.whole = true;
      return out;
    }
    if (text.empty() && input.size() == before) break;
  }
  return out;
}

constexpr std::string_view post =
    "POST /http-bind?x=1 HTTP/1.1\r\nHost: Chat.Example.org:5281\r\nContent-Type: text/xml\r\nContent-Length: 7\r\n\r\n"
    "<body/>GET / HTTP/1.1\r\n";

TEST(RequestParser, reads_a_request_however_it_is_cut) {
  for (const std::size_t size : {1U, 2U, 3U, 7U, 64U, 1000U}) {
    const auto out = parse(post, size);
    ASSERT_TRUE(out.whole) << size << " " << out.fault;
    EXPECT_EQ(out.request.method, Method::post);
    EXPECT_EQ(out.request.path, "/http-bind");
    EXPECT_EQ(out.request.query, "x=1");
    EXPECT_EQ(out.request.host, "chat.example.org");
    EXPECT_EQ(out.request.field("content-type"), "text/xml");
    EXPECT_EQ(out.request.body, "<body/>");
    EXPECT_TRUE(out.request.keep_alive);
    EXPECT_EQ(out.left, "GET / HTTP/1.1\r\n");
  }
}

TEST(RequestParser, reads_chunks) {
  const auto out = parse(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n<bo\r\n4;x=y\r\ndy/>\r\n0\r\n\r\nrest", 3);
  ASSERT_TRUE(out.whole) << out.fault;
  EXPECT_EQ(out.request.body, "<body/>");
  EXPECT_EQ(out.left, "rest");
}

TEST(RequestParser, knows_when_a_connection_is_kept) {
  EXPECT_TRUE(parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n").request.keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").request.keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n").request.keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").request.keep_alive);
}

TEST(RequestParser, refuses_what_two_servers_could_read_in_two_ways) {
  const auto fault = [](std::string_view text) { return parse(text).fault; };
  EXPECT_EQ(fault("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), 400);
  EXPECT_EQ(fault("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            400);
  EXPECT_EQ(fault("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
            400);
  EXPECT_EQ(fault("POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc"), 400);
  EXPECT_EQ(fault("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc"), 400);
  EXPECT_EQ(fault("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3x\r\n\r\nabc"), 400);
  EXPECT_EQ(fault("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabc"), 501);
  EXPECT_EQ(fault("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(fault("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(fault("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(fault("GET a HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(fault("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(fault("<stream:stream xmlns='jabber:client'>"), 400);
  EXPECT_EQ(fault("\x16\x03\x01\x02"), 400);
}

TEST(RequestParser, bounds_head_and_body) {
  EXPECT_EQ(parse("GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n").fault, 431);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'a'), 100).fault, 431);
  EXPECT_EQ(
      parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + std::string(4095, 'a'), 100)
          .fault,
      413);
}

TEST(RequestParser, takes_the_absolute_form) {
  const auto out = parse("GET https://other.example/x HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(out.whole) << out.fault;
  EXPECT_EQ(out.request.path, "/x");
  EXPECT_EQ(out.request.host, "other.example");
}

TEST(Response, no_value_begins_a_field) {
  Response response;
  response.content_type = "text/html\r\nSet-Cookie: a=b";
  response.body = "x";
  std::string out;
  append_response(out, response, 11, true);
  EXPECT_EQ(out.find("\r\nSet-Cookie"), std::string::npos);
  EXPECT_TRUE(out.ends_with("\r\n\r\nx"));
}

}  // namespace
}  // namespace valise::http
