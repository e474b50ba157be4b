#include "http/exchange.hpp"

#include <utility>

#include "http/server.hpp"

namespace valise::http {

Exchange::Exchange(Exchange&& other) noexcept
    : loop_(other.loop_),
      server_(other.server_),
      connection_(std::exchange(other.connection_, 0)),
      request_(std::move(other.request_)) {}

Exchange& Exchange::operator=(Exchange&& other) noexcept {
  if (this == &other) return *this;
  if (connection_ != 0) answer(plain(500));
  loop_ = other.loop_;
  server_ = other.server_;
  connection_ = std::exchange(other.connection_, 0);
  request_ = std::move(other.request_);
  return *this;
}

Exchange::~Exchange() {
  if (connection_ != 0) answer(plain(500));
}

void Exchange::answer(Response response, Written written) {
  const auto connection = std::exchange(connection_, 0);
  if (connection == 0) return;
  if (loop_->is_current()) return server_->answer(connection, std::move(response), std::move(written));
  loop_->post([server = server_, connection, response = std::move(response), written = std::move(written)]() mutable {
    server->answer(connection, std::move(response), std::move(written));
  });
}

void Exchange::drop() {
  const auto connection = std::exchange(connection_, 0);
  if (connection == 0) return;
  if (loop_->is_current()) return server_->drop(connection);
  loop_->post([server = server_, connection] { server->drop(connection); });
}

Upgraded Exchange::upgrade() { return server_->upgrade(std::exchange(connection_, 0)); }

}  // namespace valise::http
