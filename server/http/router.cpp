#include "http/router.hpp"

#include <algorithm>

namespace valise::http {

Result<> Router::add(Route route) {
  if (std::ranges::find(routes_, route.path, &Route::path) != routes_.end()) {
    return fail(ErrorCode::conflict, "two handlers for the HTTP path " + route.path);
  }
  routes_.push_back(std::move(route));
  return {};
}

const Route* Router::find(std::string_view path) const noexcept {
  const Route* best = nullptr;
  for (const auto& route : routes_) {
    const bool fits = route.path == path || (route.path.ends_with('/') && path.starts_with(route.path));
    if (fits && (best == nullptr || route.path.size() > best->path.size())) best = &route;
  }
  return best;
}

bool takes(const Route& route, Method method) noexcept {
  if (method == Method::head) method = Method::get;
  return std::ranges::find(route.methods, method) != route.methods.end();
}

std::string methods_of(const Route& route) {
  std::string out;
  for (const auto method : route.methods) {
    out += name_of(method);
    out += method == Method::get ? ", HEAD, " : ", ";
  }
  return out + "OPTIONS";
}

}  // namespace valise::http
