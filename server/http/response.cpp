#include <algorithm>

#include "base/trim.hpp"
#include "http/message.hpp"

namespace valise::http {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char one, char other) { return lower(one) == lower(other); });
}

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 303:
      return "See Other";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 410:
      return "Gone";
    case 413:
      return "Content Too Large";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

// A value that came from outside must not begin a field of its own.
void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  for (const char c : value) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  out += "\r\n";
}

}  // namespace

std::string_view name_of(Method method) noexcept {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::delete_:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
    case Method::other:
      break;
  }
  return "";
}

std::string_view Request::field(std::string_view name) const noexcept {
  const auto found = std::ranges::find(fields, name, &Fields::value_type::first);
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

bool Request::has_token(std::string_view name, std::string_view token) const noexcept {
  for (const auto& [field_name, value] : fields) {
    if (field_name != name) continue;
    for (std::string_view rest = value; !rest.empty();) {
      const auto comma = rest.find(',');
      if (same(trimmed(rest.substr(0, comma), line_blanks), token)) return true;
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  return false;
}

void append_response(std::string& out, const Response& response, unsigned version, bool keep_alive, bool head) {
  out += version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ";
  out += std::to_string(response.status);
  out += ' ';
  out += reason_of(response.status);
  out += "\r\n";
  const bool bodiless = response.status < 200 || response.status == 204;
  if (!bodiless) {
    if (!response.body.empty()) append_field(out, "Content-Type", response.content_type);
    append_field(out, "Content-Length", std::to_string(response.body.size()));
    append_field(out, "X-Content-Type-Options", "nosniff");
  }
  for (const auto& [name, value] : response.fields) append_field(out, name, value);
  if (response.status >= 200) {
    if (!keep_alive) append_field(out, "Connection", "close");
    if (keep_alive && version == 10) append_field(out, "Connection", "keep-alive");
  }
  out += "\r\n";
  if (!bodiless && !head) out += response.body;
}

Response plain(unsigned status, std::string_view text) {
  Response out;
  out.status = status;
  out.body = text.empty() ? reason_of(status) : text;
  out.body += '\n';
  return out;
}

}  // namespace valise::http
