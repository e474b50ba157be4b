// RFC 6455 as a server speaks it: the opening handshake, and frames from and to bytes. No extension is taken, so
// nothing is compressed. Pure but for the handshake's answer; a few dozen bytes a connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace valise::http::websocket {

// §4.2: what is answered to an opening handshake for `protocol`: 101, or what is wrong.
[[nodiscard]] Response accept(const Request& request, std::string_view protocol);

// §7.4.1
enum class Close : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  no_status = 1005,  // never on the wire: the peer said none
  invalid_data = 1007,
  policy_violation = 1008,
  too_big = 1009,
};

// UTF-8 (RFC 3629) in pieces: shortest forms only, no surrogates, nothing above U+10FFFF.
class Utf8 {
 public:
  // False, for ever, once something was wrong.
  [[nodiscard]] bool take(std::string_view bytes) noexcept;
  // Nothing is begun and not ended.
  [[nodiscard]] bool whole() const noexcept { return left_ == 0 && good_; }

 private:
  unsigned left_ = 0;  // bytes that are to follow
  unsigned char lowest_ = 0x80, highest_ = 0xbf;
  bool good_ = true;
};

class FrameEvents {
 public:
  // A piece of a text message, valid so far; `first`, `last`: of the message. Return false to stop: take() goes no
  // further.
  virtual bool on_text(std::string_view piece, bool first, bool last) = 0;
  virtual void on_ping(std::string_view payload) = 0;
  virtual void on_close(Close code) = 0;  // valid; nothing follows

 protected:
  ~FrameEvents() = default;
};

class FrameReader {
 public:
  // Reads frames off `bytes`. Returns how many bytes it took: all, or fewer where on_text said so or a close came.
  // Nothing: the connection fails with fault() (§7.1.7).
  std::optional<std::size_t> take(std::string_view bytes, FrameEvents& events);
  [[nodiscard]] Close fault() const noexcept { return fault_; }
  // Bytes of one message, its fragments together; more is Close::too_big as soon as it is announced.
  void limit(std::size_t message) noexcept { longest_ = message; }

 private:
  enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };
  [[nodiscard]] bool begin_frame();
  [[nodiscard]] bool end_control(FrameEvents& events);
  bool fail(Close code) noexcept {
    fault_ = code;
    return false;
  }

  std::size_t longest_ = 0;
  std::uint64_t left_ = 0;     // of the frame's payload
  std::uint64_t message_ = 0;  // bytes of the message so far, as announced
  unsigned char head_[14] = {};
  unsigned char head_size_ = 0;
  unsigned char mask_at_ = 0;  // within the mask's four bytes, which are head_'s last
  bool in_payload_ = false;
  bool final_ = false;
  bool in_message_ = false;  // a text message is begun and not ended
  bool first_ = false;       // nothing of it was handed up
  Opcode opcode_ = Opcode::text;
  Utf8 utf8_;
  Close fault_ = Close::normal;
  std::string control_;  // payload of a control frame, at most 125 bytes
};

// One unmasked frame with a whole text message.
void append_text(std::string& out, std::string_view message);
void append_pong(std::string& out, std::string_view payload);
void append_close(std::string& out, Close code);

}  // namespace valise::http::websocket
