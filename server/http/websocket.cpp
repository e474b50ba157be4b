#include "http/websocket.hpp"

#include <algorithm>
#include <cstring>

#include "base/crypto.hpp"

namespace valise::http::websocket {
namespace {

constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // §1.3
constexpr std::size_t longest_control = 125;                               // §5.5
constexpr std::size_t piece_size = 4'096;

// What a frame held, without its mask; not to stay on the stack (docs/security.md §6).
struct Piece {
  Piece() = default;  // not filled
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;
  ~Piece() { explicit_bzero(bytes, used); }
  char bytes[piece_size];
  std::size_t used = 0;
};

void append_head(std::string& out, unsigned char first, std::size_t size) {
  out += static_cast<char>(first);
  unsigned bytes = 0;
  if (size <= 125) {
    out += static_cast<char>(size);
  } else if (size <= 0xffff) {
    out += static_cast<char>(126);
    bytes = 2;
  } else {
    out += static_cast<char>(127);
    bytes = 8;
  }
  for (unsigned i = bytes; i > 0; --i) out += static_cast<char>(static_cast<std::uint64_t>(size) >> (8 * (i - 1)));
}

// §7.4: codes that may stand in a frame.
bool may_be_sent(unsigned code) {
  if (code >= 3000 && code <= 4999) return true;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

}  // namespace

Response accept(const Request& request, std::string_view protocol) {
  if (request.version < 11 || request.method != Method::get) return plain(400, "WebSocket begins with HTTP/1.1 GET.");
  if (!request.has_token("upgrade", "websocket") || !request.has_token("connection", "upgrade")) {
    auto wrong = plain(426, "This is for WebSocket.");
    wrong.fields.emplace_back("Upgrade", "websocket");
    wrong.fields.emplace_back("Connection", "Upgrade");
    return wrong;
  }
  if (request.field("sec-websocket-version") != "13") {  // §4.4
    auto wrong = plain(426, "WebSocket version 13, please.");
    wrong.fields.emplace_back("Sec-WebSocket-Version", "13");
    return wrong;
  }
  const auto key = request.field("sec-websocket-key");
  const auto nonce = crypto::base64_decode(key);
  if (!nonce || nonce->size() != 16) return plain(400, "Sec-WebSocket-Key is not 16 bytes in base64.");
  if (!request.has_token("sec-websocket-protocol", protocol)) {  // RFC 7395 §3.1
    return plain(400, "The sub-protocol here is " + std::string(protocol) + ".");
  }
  Response out;
  out.status = 101;
  out.fields = {{"Upgrade", "websocket"},
                {"Connection", "Upgrade"},
                {"Sec-WebSocket-Accept",
                 crypto::base64_encode(crypto::digest(crypto::Hash::sha1, std::string(key) + std::string(guid)))},
                {"Sec-WebSocket-Protocol", std::string(protocol)}};
  return out;
}

bool Utf8::take(std::string_view bytes) noexcept {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (left_ > 0) {
      if (byte < lowest_ || byte > highest_) good_ = false;
      lowest_ = 0x80;
      highest_ = 0xbf;
      --left_;
    } else if (byte >= 0x80) {
      if (byte < 0xc2 || byte > 0xf4) good_ = false;
      left_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      if (byte == 0xe0) lowest_ = 0xa0;
      if (byte == 0xed) highest_ = 0x9f;
      if (byte == 0xf0) lowest_ = 0x90;
      if (byte == 0xf4) highest_ = 0x8f;
    }
    if (!good_) return false;
  }
  return true;
}

// §5.2. The head is whole but for the extended length and the mask, of which take() sees to it that they are there.
bool FrameReader::begin_frame() {
  const unsigned first = head_[0], second = head_[1];
  opcode_ = static_cast<Opcode>(first & 0x0f);
  final_ = (first & 0x80) != 0;
  const bool control = (first & 0x08) != 0;
  if ((first & 0x70) != 0) return fail(Close::protocol_error);   // an extension that was not agreed on
  if ((second & 0x80) == 0) return fail(Close::protocol_error);  // §5.1: clients mask
  const unsigned low = second & 0x7f;
  switch (opcode_) {
    case Opcode::continuation:
      if (!in_message_) return fail(Close::protocol_error);
      break;
    case Opcode::text:
    case Opcode::binary:
      if (in_message_) return fail(Close::protocol_error);                  // §5.4: fragments are not interleaved
      if (opcode_ == Opcode::binary) return fail(Close::unsupported_data);  // RFC 7395 §3.2
      break;
    case Opcode::close:
    case Opcode::ping:
    case Opcode::pong:
      if (!final_ || low > longest_control) return fail(Close::protocol_error);
      break;
    default:
      return fail(Close::protocol_error);
  }
  if (head_size_ == 2) return true;  // the length follows
  left_ = low;
  if (low >= 126) {
    left_ = 0;
    const unsigned end = low == 126 ? 4 : 10;
    for (unsigned i = 2; i < end; ++i) left_ = left_ << 8 | head_[i];
    const bool minimal = low == 126 ? left_ > 125 : left_ > 0xffff && left_ >> 63 == 0;
    if (!minimal) return fail(Close::protocol_error);
  }
  if (!control) {
    if (opcode_ == Opcode::text) {
      message_ = 0;
      in_message_ = first_ = true;
      utf8_ = Utf8();
    }
    if (left_ > longest_ - std::min<std::uint64_t>(longest_, message_)) return fail(Close::too_big);
    message_ += left_;
  }
  control_.clear();
  mask_at_ = 0;
  in_payload_ = true;
  return true;
}

bool FrameReader::end_control(FrameEvents& events) {
  if (opcode_ == Opcode::ping) events.on_ping(control_);
  if (opcode_ != Opcode::close) return true;
  if (control_.empty()) {
    events.on_close(Close::no_status);
    return true;
  }
  if (control_.size() == 1) return fail(Close::protocol_error);  // §5.5.1
  const auto code =
      static_cast<unsigned>(static_cast<unsigned char>(control_[0]) << 8 | static_cast<unsigned char>(control_[1]));
  if (!may_be_sent(code)) return fail(Close::protocol_error);
  Utf8 reason;
  if (!reason.take(std::string_view(control_).substr(2)) || !reason.whole()) return fail(Close::invalid_data);
  events.on_close(static_cast<Close>(code));
  return true;
}

std::optional<std::size_t> FrameReader::take(std::string_view bytes, FrameEvents& events) {
  std::size_t at = 0;
  while (true) {
    if (!in_payload_) {
      const unsigned low = head_[1] & 0x7f;
      const unsigned wanted = head_size_ < 2 ? 2 : low == 126 ? 8 : low == 127 ? 14 : 6;
      if (head_size_ < wanted) {
        if (at == bytes.size()) return at;
        head_[head_size_++] = static_cast<unsigned char>(bytes[at++]);
        if (head_size_ == 2 && !begin_frame()) return std::nullopt;  // what is wrong is said as soon as it is seen
        continue;
      }
      if (!begin_frame()) return std::nullopt;
    }
    const auto* mask = head_ + head_size_ - 4;
    Piece piece;
    const bool control = opcode_ >= Opcode::close;
    do {
      const auto size =
          static_cast<std::size_t>(std::min<std::uint64_t>({left_, bytes.size() - at, sizeof piece.bytes}));
      if (size == 0 && left_ > 0) return at;
      for (std::size_t i = 0; i < size; ++i) {
        piece.bytes[i] = static_cast<char>(static_cast<unsigned char>(bytes[at + i]) ^ mask[(mask_at_ + i) & 3]);
      }
      mask_at_ = static_cast<unsigned char>((mask_at_ + size) & 3);
      at += size;
      left_ -= size;
      piece.used = std::max(piece.used, size);
      const std::string_view clear(piece.bytes, size);
      if (control) {
        control_ += clear;
        continue;
      }
      const bool last = left_ == 0 && final_;
      if (!utf8_.take(clear) || (last && !utf8_.whole())) {
        fail(Close::invalid_data);
        return std::nullopt;
      }
      if (clear.empty() && !last) continue;
      if (left_ == 0) {  // before the call: it may end in another message
        in_payload_ = false;
        head_size_ = 0;
      }
      const bool first = std::exchange(first_, false);
      if (last) in_message_ = false;
      if (!events.on_text(clear, first, last)) return at;
    } while (left_ > 0);
    in_payload_ = false;
    head_size_ = 0;
    if (!control) continue;
    if (!end_control(events)) return std::nullopt;
    if (opcode_ == Opcode::close) return at;
  }
}

void append_text(std::string& out, std::string_view message) {
  append_head(out, 0x81, message.size());
  out += message;
}

void append_pong(std::string& out, std::string_view payload) {
  append_head(out, 0x8a, payload.size());
  out += payload;
}

void append_close(std::string& out, Close code) {
  append_head(out, 0x88, 2);
  out += static_cast<char>(static_cast<unsigned>(code) >> 8);
  out += static_cast<char>(static_cast<unsigned>(code) & 0xff);
}

}  // namespace valise::http::websocket
