#include "http/websocket.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace valise::http::websocket {
namespace {

struct Heard final : FrameEvents {
  std::vector<std::string> messages, pings;
  std::vector<Close> closes;
  std::string open;
  bool on_text(std::string_view piece, bool first, bool last) override {
    EXPECT_TRUE(!first || open.empty());
    open += piece;
    if (last) messages.push_back(std::exchange(open, {}));
    return true;
  }
  void on_ping(std::string_view payload) override { pings.emplace_back(payload); }
  void on_close(Close code) override { closes.push_back(code); }
};

std::string frame(unsigned first, std::string_view payload, bool masked = true) {
  std::string out(1, static_cast<char>(first));
  const unsigned bit = masked ? 0x80 : 0;
  const auto size = payload.size();
  if (size <= 125) {
    out += static_cast<char>(bit | size);
  } else if (size <= 0xffff) {
    out += static_cast<char>(bit | 126);
    out += static_cast<char>(size >> 8);
    out += static_cast<char>(size & 0xff);
  } else {
    out += static_cast<char>(bit | 127);
    for (int i = 7; i >= 0; --i) out += static_cast<char>(static_cast<std::uint64_t>(size) >> (8 * i));
  }
  if (!masked) return out + std::string(payload);
  const unsigned char mask[] = {0x37, 0xfa, 0x21, 0x3d};
  out.append(reinterpret_cast<const char*>(mask), 4);
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ mask[i % 4]);
  return out;
}

struct Outcome {
  Heard heard;
  unsigned fault = 0;
};

Outcome read(std::string_view bytes, std::size_t piece = 100'000, std::size_t limit = 1'000) {
  Outcome out;
  FrameReader reader;
  reader.limit(limit);
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, piece);
    const auto taken = reader.take(part, out.heard);
    if (!taken) {
      out.fault = static_cast<unsigned>(reader.fault());
      return out;
    }
    bytes.remove_prefix(*taken);
    if (*taken < part.size()) break;
  }
  return out;
}

TEST(FrameReader, joins_fragments_however_they_are_cut) {
  const auto bytes = frame(0x01, "<a>") + frame(0x89, "here?") + frame(0x00, "h\xc3") + frame(0x80, "\xa9</a>") +
                     frame(0x81, "") + frame(0x8a, "") + frame(0x81, std::string(300, 'x'));
  for (const std::size_t piece : {1U, 2U, 3U, 5U, 1000U}) {
    const auto out = read(bytes, piece);
    EXPECT_EQ(out.fault, 0U);
    EXPECT_EQ(out.heard.messages, (std::vector<std::string>{"<a>h\xc3\xa9</a>", "", std::string(300, 'x')}));
    EXPECT_EQ(out.heard.pings, std::vector<std::string>{"here?"});
  }
}

TEST(FrameReader, refuses_each_forbidden_frame_with_its_code) {
  EXPECT_EQ(read(frame(0x81, "a", false)).fault, 1002U);                                 // not masked
  EXPECT_EQ(read(frame(0xc1, "a")).fault, 1002U);                                        // RSV1: compressed
  EXPECT_EQ(read(frame(0x83, "a")).fault, 1002U);                                        // no such opcode
  EXPECT_EQ(read(frame(0x8b, "a")).fault, 1002U);                                        // nor such a control frame
  EXPECT_EQ(read(frame(0x80, "a")).fault, 1002U);                                        // continues nothing
  EXPECT_EQ(read(frame(0x01, "a") + frame(0x81, "b")).fault, 1002U);                     // begins within another
  EXPECT_EQ(read(frame(0x09, "a")).fault, 1002U);                                        // a control frame in fragments
  EXPECT_EQ(read(frame(0x89, std::string(126, 'a'))).fault, 1002U);                      // a long control frame
  EXPECT_EQ(read(frame(0x82, "a")).fault, 1003U);                                        // binary
  EXPECT_EQ(read(frame(0x81, "\xff")).fault, 1007U);                                     // no UTF-8
  EXPECT_EQ(read(frame(0x81, "\xc3")).fault, 1007U);                                     // that ends too early
  EXPECT_EQ(read(frame(0x01, "\xed") + frame(0x80, "\xa0\x80")).fault, 1007U);           // a surrogate
  EXPECT_EQ(read(frame(0x81, std::string(1001, 'a'))).fault, 1009U);                     // large
  EXPECT_EQ(read(frame(0x01, std::string(999, 'a')) + frame(0x80, "bc")).fault, 1009U);  // together
  EXPECT_EQ(read(frame(0x88, "a")).fault, 1002U);                                        // half a code
  EXPECT_EQ(read(frame(0x88, std::string("\x03\xed", 2))).fault, 1002U);                 // 1005
  EXPECT_EQ(read(frame(0x88, std::string("\x03\xe8\xff", 3))).fault, 1007U);
}

TEST(FrameReader, refuses_a_length_that_is_written_too_long) {
  EXPECT_EQ(read(std::string("\x81\xfe\x00\x05", 4) + std::string(9, 'a')).fault, 1002U);
  EXPECT_EQ(read(std::string("\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff", 10) + std::string(9, 'a')).fault, 1002U);
  EXPECT_EQ(read(std::string("\x81\xff\x80\x00\x00\x00\x00\x01\x00\x00", 10) + std::string(9, 'a')).fault, 1002U);
}

TEST(FrameReader, says_too_big_before_the_bytes_come) {
  EXPECT_EQ(read(std::string("\x81\xff\x00\x00\x00\x00\x7f\xff\xff\xff\x01\x02\x03\x04", 14)).fault, 1009U);
}

TEST(FrameReader, hears_a_close_and_nothing_behind_it) {
  const auto out = read(frame(0x88, std::string("\x03\xe9", 2) + "bye") + frame(0x81, "late"));
  EXPECT_EQ(out.heard.closes, std::vector<Close>{Close::going_away});
  EXPECT_TRUE(out.heard.messages.empty());
  EXPECT_EQ(read(frame(0x88, "")).heard.closes, std::vector<Close>{Close::no_status});
}

TEST(Utf8, takes_shortest_forms_only) {
  const auto good = [](std::string_view text) {
    Utf8 utf8;
    return utf8.take(text) && utf8.whole();
  };
  for (const auto* text :
       {"", "a", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(good(text));
  }
  for (const auto* text : {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3(", "\xe2\x82"}) {
    EXPECT_FALSE(good(text));
  }
}

Request opening() {
  Request request;
  request.method = Method::get;
  request.fields = {{"upgrade", "WebSocket"},
                    {"connection", "keep-alive, Upgrade"},
                    {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="},
                    {"sec-websocket-version", "13"},
                    {"sec-websocket-protocol", "chat, xmpp"}};
  return request;
}

TEST(Accept, answers_as_the_rfc_does) {
  const auto response = accept(opening(), "xmpp");
  EXPECT_EQ(response.status, 101U);
  EXPECT_NE(
      std::ranges::find(response.fields, Fields::value_type{"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}),
      response.fields.end());
}

TEST(Accept, says_what_is_wrong) {
  const auto status = [](std::size_t field, std::string value) {
    auto request = opening();
    request.fields[field].second = std::move(value);
    return accept(request, "xmpp").status;
  };
  EXPECT_EQ(status(0, "h2c"), 426U);
  EXPECT_EQ(status(1, "close"), 426U);
  EXPECT_EQ(status(2, "dGhlIHNhbXBsZQ=="), 400U);
  EXPECT_EQ(status(3, "8"), 426U);
  EXPECT_EQ(status(4, "mqtt"), 400U);
}

}  // namespace
}  // namespace valise::http::websocket
