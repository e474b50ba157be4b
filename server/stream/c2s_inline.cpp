// What a client asked for in its <authenticate/> (XEP-0388 §2.6.1), on its account's home shard: stronger keys
// (XEP-0480), a token (XEP-0484), resumption (XEP-0198 §9.2), else binding (XEP-0386). Then it is told of all that at
// once.
#include <algorithm>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "core/account_change.hpp"
#include "core/auth/password.hpp"
#include "core/hooks.hpp"
#include "core/namespaces.hpp"
#include "stream/c2s.hpp"
#include "stream/host.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;
namespace {
constexpr std::int64_t longest_bind_ms = 1'000;  // that <success/> waits for what <bound/> may say
}  // namespace

void C2s::load_and_begin(bool fresh) {
  shard().with_account(account_, [self = host_->token(*this), fresh](core::Account* account) {
    if (auto* stream = self.get()) stream->begin_inline(account, fresh);
  });
}

// `fresh`: the account's row was read again for this.
void C2s::begin_inline(core::Account* account, bool fresh) {
  if (state_ != State::authenticated || !asked_) return;
  if (account == nullptr) return stream_error("resource-constraint", "the store is away");
  const bool differs = account->credentials != credentials_;
  if (differs && !fresh) {
    return shard().refresh_account(account_, [self = host_->token(*this)] {
      if (auto* stream = self.get()) stream->load_and_begin(true);
    });
  }
  if (!account->exists || account->state != storage::AccountState::active) {
    return stream_error("not-authorized", "the account was disabled or removed");
  }
  if (differs) return stream_error("not-authorized", "the password was changed");
  if (asked_->login->upgraded) return upgrade_keys(*account);
  tell_clients(*account);
}

// ---- XEP-0480

// Behind all changes that are under way: a new password among them must not be undone.
void C2s::upgrade_keys(core::Account& account) {
  account.in_order([self = host_->token(*this)] {
    if (auto* stream = self.get()) stream->commit_keys();
  });
}

void C2s::commit_keys() {
  auto* account = shard().find_account(account_.bare());
  if (state_ != State::authenticated || !asked_) return;
  if (account == nullptr || account->credentials != credentials_) {
    return stream_error("not-authorized", "the password was changed");
  }
  auto& keys = asked_->login->keys;
  const auto from = credentials_;
  const auto to = core::auth::fingerprint(keys);
  auto* clients = shard().service<core::Clients>();
  auto unit = std::make_unique<core::Unit>();
  unit->record = core::about_account(account_, "keys-upgraded");
  if (clients != nullptr) unit->writes = clients->keys_changed(*account, from, to);
  unit->writes.emplace_back(storage::SetAccountKeys{account_.str(), std::move(keys)});
  unit->done = [&home = shard(), clients, jid = account_, from, to, self = host_->token(*this)](core::Unit& finished) {
    auto* changed = home.find_account(jid.bare());
    if (finished.outcome) {
      if (changed != nullptr) changed->credentials = to;
    } else {
      log::warning("c2s", "keys could not be upgraded: {}", finished.outcome.error().text);
      if (changed != nullptr && clients != nullptr) (void)clients->keys_changed(*changed, to, from);
    }
    auto* stream = self.get();
    if (stream == nullptr || !stream->asked_) return;
    if (finished.outcome) stream->credentials_ = to;
    stream->asked_->login->upgraded = false;
    stream->load_and_begin(false);
  };
  shard().commit_in_order(*account, std::move(unit), sizeof(core::Unit));
}

// ---- XEP-0484, XEP-0494

void C2s::tell_clients(core::Account& account) {
  const auto& login = *asked_->login;
  auto* clients = shard().service<core::Clients>();
  if (clients == nullptr || login.request.agent.empty()) return resume_inline();
  using enum core::auth::Mechanism::Kind;
  using Method = core::ClientLogin::Method;
  clients->logged_in(account,
                     {.id = login.request.agent,
                      .software = login.request.software,
                      .device = login.request.device,
                      .method = login.kind == token      ? Method::token
                                : login.kind == external ? Method::certificate
                                                         : Method::password,
                      .nonce = login.nonce,
                      .count = login.request.count,
                      .invalidate = login.request.invalidate,
                      .wants_token = login.request.wants_token},
                     [self = host_->token(*this)](Result<std::optional<core::GivenToken>> given) {
                       auto* stream = self.get();
                       if (stream == nullptr || !stream->asked_ || stream->state_ != State::authenticated) return;
                       if (given) {
                         stream->asked_->token = std::move(*given);
                         return stream->resume_inline();
                       }
                       if (given.error().code == ErrorCode::not_found) {
                         return stream->stream_error("not-authorized", "the token was taken back");
                       }
                       stream->stream_error("resource-constraint", "the store is away");
                     });
}

// ---- XEP-0198 §9.2, XEP-0386

void C2s::resume_inline() {
  const auto go_on = [this] {
    shard().with_account(account_, [self = host_->token(*this)](core::Account* account) {
      if (auto* stream = self.get()) stream->bind_inline(account);
    });
  };
  const auto request = asked_->login->request.resume();
  if (!request) return go_on();
  resume(request, [this, go_on](std::string answer, bool resumed) {
    if (resumed) return succeed_inline(live_->session().jid, answer, true);
    asked_->not_resumed = std::move(answer);
    go_on();
  });
}

void C2s::bind_inline(core::Account* account) {
  if (state_ != State::authenticated || !asked_) return;
  if (account == nullptr) return stream_error("resource-constraint", "the store is away");
  if (!account->exists || account->state != storage::AccountState::active) {
    return stream_error("not-authorized", "the account was disabled or removed");
  }
  if (account->credentials != credentials_) return stream_error("not-authorized", "the password was changed");
  const auto& asked = asked_->login->request;
  const auto request = asked.bind();
  if (!request) return succeed_inline(account_, {}, false);
  const auto resource = [&](std::string_view tag) {
    return account_.with_resource(generate_resource(shard().kernel().client_secret, account_, asked.agent, tag));
  };
  auto jid = resource(request.child("tag", ns::bind_2).text());
  if (jid && may_be_prose(*jid)) jid = resource({});
  if (!jid) return stream_error("internal-server-error", "no resource could be made");
  // §3.2: earlier sessions of the same client end.
  const auto sessions = account->sessions;
  for (auto* session : sessions) {
    const bool alive = std::ranges::find(account->sessions, session) != account->sessions.end();
    if (alive && !asked.agent.empty() && session->client == asked.agent) {
      session->stream.end("conflict", "the client has connected again");
    }
  }
  if (const auto refused = open_session(*account, *jid)) {
    return stream_error(refused->type == core::StanzaError::Type::wait ? "resource-constraint" : "not-authorized",
                        refused->text_en.empty() ? refused->text.in(core::Language::english) : refused->text_en);
  }
  arm(longest_bind_ms);
  asked_->bound = take_bind_features(request);
  const auto& handlers = shard().hooks().bound;
  asked_->unheard = handlers.size() + 1;
  for (const auto& handler : handlers) {
    handler(live_->session(), [self = host_->token(*this)](std::string said) {
      if (auto* stream = self.get()) stream->hear_of_bound(said);
    });
  }
  hear_of_bound({});
}

std::string C2s::take_bind_features(xml::Element request) {
  const auto& hooks = shard().hooks();
  std::string out;
  for (const auto child : request.children()) {
    if (child.is_text()) continue;
    if (child.is("enable", ns::stream_management)) {
      out += live_->enable(child);
      continue;
    }
    for (const auto& one : hooks.bind_features) {
      const bool asked_for = child.ns() == one.ns && (one.name.empty() || child.name() == one.name);
      if (asked_for) out += one.handler(live_->session(), child);
    }
  }
  return out;
}

void C2s::hear_of_bound(std::string_view said) {
  if (!answers_later()) return;
  asked_->bound += said;
  if (--asked_->unheard == 0) answer_bound();
}

// Also when some were not heard: what they say is of use, and no condition.
void C2s::answer_bound() {
  if (!answers_later()) return;
  std::string out;
  xml::Writer(out).open("bound", ns::bind_2).raw(asked_->bound).close();
  arm(1000);
  succeed_inline(live_->session().jid, out, false);
}

std::string& C2s::output_behind_success() {
  auto& asked = *asked_;
  if (!asked.behind.empty()) asked.behind_bytes += asked.behind.back().size();
  if (asked.behind_bytes > shard().settings().queue_bytes / 2) {
    host_->defer(*this, [](C2s& self) { self.answer_bound(); });
  }
  return asked.behind.emplace_back();
}

void C2s::when_sent(core::Departure& waiting) {
  if (answers_later()) return asked_->departures.push_back(&waiting);
  departures_.wait(waiting, connection_.sent() + connection_.queued());
}

// ---- the end

void C2s::succeed_inline(const core::Jid& who, std::string_view outcome, bool resumed) {
  const auto asked = std::move(asked_);
  std::string out;
  xml::Writer writer(out);
  writer.open("success", ns::sasl_2);
  if (!asked->login->additional_data.empty()) {
    writer.element("additional-data", {}, crypto::base64_encode(asked->login->additional_data));
  }
  writer.element("authorization-identifier", {}, who.full()).raw(asked->not_resumed).raw(outcome);
  if (asked->token) {
    writer.open("token", ns::fast)
        .attribute("token", asked->token->token)
        .attribute("expiry", format_utc_ms(asked->token->expires_ms))
        .close();
  }
  writer.close();
  connection_.send(out);
  crypto::wipe(out);
  if (resumed) return;  // XEP-0198 §9.2.2: no features; what waited for the client follows
  send_features();
  for (const auto& element : asked->behind) {
    if (!element.empty()) connection_.send(element);
  }
  for (auto* waiting : asked->departures) when_sent(*waiting);
  binding_ = false;
  release_held();
}

}  // namespace valise::stream
