// HTTP/1.x requests from bytes (RFC 9112), by Boost.Beast's parser, which sees the whole head within a limit and never
// blocks. What smuggles requests – two lengths, a length beside chunks, white space before a colon – is refused.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace valise::http {

class RequestParser {
 public:
  enum class State : std::uint8_t { head, body, whole };
  static constexpr std::size_t longest_head = 16'384;

  RequestParser();
  ~RequestParser();

  // Takes bytes off the front of `input`; what it leaves there belongs to an unfinished line, or behind the request.
  // Stops at the end of the head, once, so that the caller can say how long a body may be. Fails with the status that
  // tells the client; nothing more can be read from it then.
  [[nodiscard]] std::expected<State, unsigned> feed(std::string& input);
  // From State::body on: path, method and fields are there, the body is not.
  [[nodiscard]] const Request& request() const noexcept { return request_; }
  void limit_body(std::size_t bytes) noexcept { longest_body_ = bytes; }
  [[nodiscard]] bool expects_continue() const noexcept { return expects_continue_; }
  [[nodiscard]] bool begun() const noexcept { return begun_; }
  // At State::whole; the parser is used up.
  [[nodiscard]] Request take();

 private:
  struct Beast;
  [[nodiscard]] unsigned read_head();  // 0, or what is wrong
  std::unique_ptr<Beast> beast_;
  Request request_;
  State state_ = State::head;
  bool begun_ = false;
  bool expects_continue_ = false;
  std::size_t longest_body_ = 0;
};

}  // namespace valise::http
