// A WebSocket client's bytes (RFC 6455 §5). What must hold, however they are cut:
//  - the same messages, pings, closes and fault;
//  - every message is UTF-8 and within the limit, every ping within 125 bytes, nothing behind a close.
// Input: 'size of a piece', then the bytes.
#include <algorithm>
#include <vector>

#include "fuzz/check.hpp"
#include "http/websocket.hpp"

namespace {

using namespace valise::http::websocket;
using fuzz::check;
constexpr std::size_t limit = 500;

struct Heard final : FrameEvents {
  std::vector<std::string> events;
  std::string open;
  bool in_message = false, closed = false;
  bool on_text(std::string_view piece, bool first, bool last) override {
    check(!closed && first != in_message, "a piece in its place");
    in_message = !last;
    open += piece;
    check(open.size() <= limit, "a message beyond the limit");
    if (!last) return true;
    Utf8 utf8;
    check(utf8.take(open) && utf8.whole(), "a message that is not UTF-8");
    events.push_back("text " + std::exchange(open, {}));
    return true;
  }
  void on_ping(std::string_view payload) override {
    check(!closed && payload.size() <= 125, "a ping");
    events.push_back("ping " + std::string(payload));
  }
  void on_close(Close code) override {
    check(!closed, "closed twice");
    closed = true;
    events.push_back("close " + std::to_string(static_cast<unsigned>(code)));
  }
};

std::vector<std::string> read(std::string_view bytes, std::size_t piece) {
  Heard heard;
  FrameReader reader;
  reader.limit(limit);
  while (!bytes.empty() && !heard.closed) {
    const auto part = bytes.substr(0, piece);
    const auto taken = reader.take(part, heard);
    if (!taken) {
      heard.events.push_back("fault " + std::to_string(static_cast<unsigned>(reader.fault())));
      break;
    }
    check(heard.closed || *taken == part.size(), "bytes are left over");
    bytes.remove_prefix(*taken);
  }
  return std::move(heard.events);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = read(bytes, std::max<std::size_t>(1, bytes.size()));
  check(whole == read(bytes, 1), "single bytes change it");
  check(whole == read(bytes, std::size_t{1} + data[0]), "pieces change it");
  return 0;
}
