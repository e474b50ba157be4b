#include "http/parser.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <limits>

namespace valise::http {
namespace {

namespace beast = boost::beast::http;

std::string text_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::string lower_case(boost::beast::string_view text) {
  auto out = text_of(text);
  for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return out;
}

Method method_of(beast::verb verb) {
  switch (verb) {
    case beast::verb::get:
      return Method::get;
    case beast::verb::head:
      return Method::head;
    case beast::verb::post:
      return Method::post;
    case beast::verb::put:
      return Method::put;
    case beast::verb::delete_:
      return Method::delete_;
    case beast::verb::options:
      return Method::options;
    default:
      return Method::other;
  }
}

unsigned status_of(const boost::system::error_code& error) {
  if (error == beast::error::header_limit || error == beast::error::buffer_overflow) return 431;
  if (error == beast::error::body_limit) return 413;
  if (error == beast::error::bad_version) return 505;
  return 400;
}

// "example.org:5281" → "example.org", "[::1]:80" → "::1".
std::string host_of(std::string authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.find(':'));
}

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

struct RequestParser::Beast {
  beast::request_parser<beast::string_body> parser;
};

RequestParser::RequestParser() : beast_(std::make_unique<Beast>()) {
  beast_->parser.header_limit(static_cast<std::uint32_t>(longest_head));
  beast_->parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // limit_body() says it, behind the head
}

RequestParser::~RequestParser() = default;

std::expected<RequestParser::State, unsigned> RequestParser::feed(std::string& input) {
  auto& parser = beast_->parser;
  std::size_t consumed = 0;
  while (consumed < input.size() && state_ != State::whole) {
    boost::system::error_code error;
    const auto taken = parser.put(boost::asio::const_buffer(input.data() + consumed, input.size() - consumed), error);
    consumed += taken;
    begun_ = true;
    if (error == beast::error::need_more) {
      if (state_ == State::head && input.size() - consumed > longest_head) return std::unexpected(431U);
      break;
    }
    if (error) return std::unexpected(status_of(error));
    if (state_ == State::head && parser.is_header_done()) {
      if (const auto wrong = read_head(); wrong != 0) return std::unexpected(wrong);
      state_ = parser.is_done() ? State::whole : State::body;
      input.erase(0, consumed);
      return state_;
    }
    if (state_ == State::body && parser.get().body().size() > longest_body_) return std::unexpected(413U);
    if (parser.is_done()) state_ = State::whole;
    if (taken == 0) break;
  }
  input.erase(0, consumed);
  return state_;
}

unsigned RequestParser::read_head() {
  const auto& message = beast_->parser.get();
  request_.method = method_of(message.method());
  request_.version = message.version();
  request_.keep_alive = message.keep_alive();
  for (const auto& field : message)
    request_.fields.emplace_back(lower_case(field.name_string()), text_of(field.value()));
  auto target = text_of(message.target());
  auto authority = std::string(request_.field("host"));
  const auto hosts = std::ranges::count(request_.fields, "host", &Fields::value_type::first);
  if (hosts > 1 || (hosts == 0 && request_.version >= 11)) return 400;  // RFC 9112 §3.2
  if (!target.starts_with('/') && target != "*") {                      // RFC 9112 §3.2.2: the absolute form
    const auto scheme = target.find("://");
    if (scheme == std::string::npos || scheme > 5) return 400;
    const auto path = target.find('/', scheme + 3);
    authority = target.substr(scheme + 3, path == std::string::npos ? path : path - scheme - 3);
    target = path == std::string::npos ? "/" : target.substr(path);
  }
  if (!is_visible(target) || !is_visible(authority)) return 400;
  request_.host = host_of(lower_case(authority));
  const auto query = target.find('?');
  request_.path = target.substr(0, query);
  if (query != std::string::npos) request_.query = target.substr(query + 1);
  // RFC 9112 §6.1: what is coded in a way nobody here knows has no length.
  if (!request_.field("transfer-encoding").empty() && !beast_->parser.chunked()) return 501;
  expects_continue_ = request_.version >= 11 && request_.has_token("expect", "100-continue");
  const auto length = beast_->parser.content_length();
  if (length && *length > std::numeric_limits<std::uint32_t>::max()) return 413;
  return 0;
}

Request RequestParser::take() {
  request_.body = std::move(beast_->parser.get().body());
  return std::move(request_);
}

}  // namespace valise::http
