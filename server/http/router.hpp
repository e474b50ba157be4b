// Which handler gets which request. One a shard, filled before the listeners listen; then only read.
//
//   router.add({.methods = {http::Method::get}, .path = "/.well-known/host-meta", .cors = http::Cors::anyone,
//               .handler = [this](http::Exchange exchange) { exchange.answer(…); }});
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.hpp"

namespace valise::http {

// Which pages of other origins a browser lets read the answers (Fetch §3.2).
enum class Cors : std::uint8_t {
  nobody,   // as if there were no such thing
  allowed,  // the origins of the configuration; a request that names another is refused (403) and reaches no handler
  anyone,   // public data
};

// Runs on the thread of the connection's shard. It answers now, or keeps the exchange, also on another shard, and
// answers later.
using Handler = std::function<void(Exchange)>;

struct Route {
  std::vector<Method> methods;   // with get, head is answered too; options always
  std::string path;              // whole, or, ending in '/', of all that begin with it
  std::size_t longest_body = 0;  // bytes; more is refused (413) before it is read
  Cors cors = Cors::nobody;
  Handler handler;
};

class Router {
 public:
  // Fails where the path has a route already.
  [[nodiscard]] Result<> add(Route route);
  // The route of a path, the longest that fits, or null.
  [[nodiscard]] const Route* find(std::string_view path) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return routes_.empty(); }

 private:
  std::vector<Route> routes_;
};

// Whether the route has the method; `head` counts as `get`.
[[nodiscard]] bool takes(const Route& route, Method method) noexcept;
// For the fields Allow and Access-Control-Allow-Methods: "GET, HEAD, OPTIONS".
[[nodiscard]] std::string methods_of(const Route& route);

}  // namespace valise::http
