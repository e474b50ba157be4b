// Each mechanism's part of the exchange (RFC 4422 §5): messages in, an outcome out.
#include <fmt/core.h>
#include <openssl/ssl.h>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "core/auth/external.hpp"
#include "core/auth/plain.hpp"
#include "core/client.hpp"
#include "stream/host.hpp"
#include "stream/login_exchange.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace auth = core::auth;
namespace {

constexpr std::size_t max_message = 8'192;  // base64 of one SASL message

// A password on its way to the thread that checks it.
struct Secret {
  explicit Secret(std::string_view its_text) : text(its_text) {}
  ~Secret() { crypto::wipe(text); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  std::string text;
};

}  // namespace

void Login::take_message(Exchange& exchange, std::string_view base64) {
  const auto message = base64.size() <= max_message
                           ? crypto::base64_decode(base64 == "=" && !exchange.request ? "" : base64)
                           : std::nullopt;
  if (!message) return fail(auth::Condition::incorrect_encoding, "base64");
  switch (exchange.mechanism.kind) {
    case auth::Mechanism::Kind::scram:
      return take_scram(exchange, *message);
    case auth::Mechanism::Kind::plain:
      return begin_plain(exchange, *message);
    case auth::Mechanism::Kind::external:
      return begin_external(exchange, *message);
    case auth::Mechanism::Kind::token:
      return begin_token(exchange, *message);
  }
}

void Login::take_scram(Exchange& exchange, std::string_view message) {
  if (!exchange.scram) return begin_scram(exchange, message);
  if (braked(exchange)) return;
  auto outcome = exchange.scram->client_final(message);
  if (!outcome) return conclude(exchange, std::unexpected(outcome.error().condition));
  conclude(exchange, std::move(*outcome));
}

void Login::begin_scram(Exchange& exchange, std::string_view message) {
  auth::ScramSettings settings;
  settings.mechanism = &exchange.mechanism;
  settings.host = owner_.domain();
  settings.bindings = bindings_;
  settings.plus_offered = plus_offered();
  settings.downgrade_hash = downgrade_hash(exchange.mechanism.hash);
  if (const auto* ssl = owner_.connection().ssl()) settings.tls_version = fmt::format("{:04x}", SSL_version(ssl));
  exchange.scram.emplace(std::move(settings));
  const auto account = exchange.scram->client_first(message);
  if (!account) return fail(account.error().condition, account.error().reason);
  exchange.account = *account;
  read_account();
}

void Login::begin_plain(Exchange& exchange, std::string_view message) {
  auto login = auth::parse_plain(message, owner_.domain());
  if (!login) return fail(login.error().condition, login.error().reason);
  exchange.account = std::move(login->account);
  exchange.password = std::move(login->password);
  read_account();
}

void Login::begin_external(Exchange& exchange, std::string_view authzid) {
  auto account = auth::external_account(certified_, authzid, owner_.domain());
  if (account) {
    exchange.account = std::move(*account);
    return read_account();
  }
  auto& owner = owner_;  // fail() may end this
  fail(account.error().condition, account.error().reason);
  owner.end({}, {});  // XEP-0178 §2, 11 b and c
}

void Login::challenge(Exchange& exchange, const std::vector<storage::ScramKey>& keys) {
  const auto message = exchange.scram->server_first(keys, shared_.fake_keys);
  if (!message) return fail(message.error().condition, message.error().reason);
  exchange.step = Exchange::Step::challenged;
  std::string out;
  xml::Writer(out).element("challenge", namespace_of(exchange), crypto::base64_encode(*message));
  owner_.send(out);
}

void Login::check_password(Exchange& exchange, const std::vector<storage::ScramKey>& keys) {
  if (braked(exchange)) return;
  exchange.step = Exchange::Step::checking;
  const bool exists = !keys.empty();
  // The hash that verify_password takes of all that an account has: the same work.
  const std::vector<storage::ScramKey> fake{shared_.fake_keys.key(crypto::Hash::sha512, exchange.account)};
  auto password = std::make_unique<Secret>(exchange.password);
  crypto::wipe(exchange.password);
  auto& shard = owner_.shard();
  const auto now = shard.loop().now_ms();
  const auto network = auth::Network::parse(owner_.connection().peer_address());
  const core::Share share{.known = network && shared_.brake.known(*network, exchange.account.full(), now),
                          .network = network};
  const bool taken = shard.compute(
      share,
      [password = std::move(password), tried = exists ? keys : fake, asker = std::weak_ptr(exchange_)] {
        return !asker.expired() && auth::verify_password(tried, password->text);  // else nobody waits for it any more
      },
      [asker = std::weak_ptr(exchange_), exists](bool right) {
        const auto checked = asker.lock();
        if (!checked) return;  // given up meanwhile, or the stream is gone
        if (right && exists) return checked->login.conclude(*checked, std::string());
        checked->login.conclude(*checked, std::unexpected(auth::Condition::not_authorized));
      });
  if (taken) return;
  if (network) shared_.brake.take_back(*network, exchange.account.full(), now);
  fail(auth::Condition::temporary_auth_failure, "busy");
}

// A certificate is nothing that is guessed: who has one waits for nobody's wrong passwords. One that opens nothing
// counts as a wrong password of its network.
void Login::check_certificate(Exchange& exchange, bool exists) {
  if (const auto network = auth::Network::parse(owner_.connection().peer_address())) {
    (void)shared_.brake.attempt(*network, exchange.account.full(), owner_.shard().loop().now_ms());
  }
  // The lists may have been read again since the handshake.
  const bool valid = exists && shared_.tls.get()->accepts_client(owner_.connection().ssl());
  if (!valid) return conclude(exchange, std::unexpected(auth::Condition::not_authorized));
  conclude(exchange, std::string());
}

void Login::begin_token(Exchange& exchange, std::string_view message) {
  auto login = auth::parse_token_message(message, owner_.domain());
  if (!login) return fail(login.error().condition, login.error().reason);
  exchange.account = std::move(login->account);
  exchange.proof = std::move(login->proof);
  read_account();
}

// XEP-0484 §3.4.
void Login::check_token(Exchange& exchange, const core::Client* client) {
  if (braked(exchange)) return;
  const auto* bound = binding(exchange.mechanism);
  auto used = core::check_token(client, owner_.shard().kernel().client_secret,
                                {.account = exchange.account,
                                 .agent = exchange.request->agent,
                                 .mechanism = exchange.mechanism.name,
                                 .proof = exchange.proof,
                                 .binding = bound == nullptr ? std::string_view() : std::string_view(bound->data),
                                 .count = exchange.request->count,
                                 .credentials = exchange.credentials,
                                 .now_ms = utc_now_ms()});
  if (!used) return conclude(exchange, std::unexpected(used.error().condition));
  exchange.nonce = std::move(used->nonce);
  conclude(exchange, std::move(used->answer));
}

}  // namespace valise::stream
