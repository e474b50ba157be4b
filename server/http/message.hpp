// An HTTP request that has come whole, and what is answered.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace valise::http {

enum class Method : std::uint8_t { get, head, post, put, delete_, options, other };
[[nodiscard]] std::string_view name_of(Method method) noexcept;

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Request {
  Method method = Method::other;
  unsigned version = 11;  // 10: HTTP/1.0
  std::string path;       // as it came, from '/' on, without the query; not decoded
  std::string query;      // behind '?', not decoded
  std::string host;       // of the Host field, lower case, without port and brackets; may be empty with HTTP/1.0
  Fields fields;          // names in lower case
  std::string body;
  bool keep_alive = true;
  // Who asks: the peer, or, behind a declared proxy, whom that names (address.hpp).
  std::string client_address;
  std::uint16_t client_port = 0;  // 0: not known
  bool proxied = false;           // by a declared proxy: its connection is not counted at the Doorkeeper

  // The first field with this name (lower case), "" if there is none.
  [[nodiscard]] std::string_view field(std::string_view name) const noexcept;
  // Whether the comma-separated field holds this token, in any case.
  [[nodiscard]] bool has_token(std::string_view name, std::string_view token) const noexcept;
};

struct Response {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";  // left out where there is no body
  std::string body;
  Fields fields;  // more of them; control characters in a value become spaces
};

// The answer on the wire. `head`: a HEAD request's, the body stays away and its length is told. `keep_alive`: what the
// connection does next, told as this version's client understands it.
void append_response(std::string& out, const Response& response, unsigned version, bool keep_alive, bool head = false);

// A short text for people.
[[nodiscard]] Response plain(unsigned status, std::string_view text = {});

}  // namespace valise::http
