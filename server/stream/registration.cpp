// In-band registration before log-in (XEP-0077 §3.1): off unless registration.enabled says so for the host.
#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "core/auth/password.hpp"
#include "core/namespaces.hpp"
#include "stream/c2s.hpp"
#include "stream/denial.hpp"
#include "stream/host.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;
namespace {

constexpr std::string_view register_ns = "jabber:iq:register";

using Type = core::StanzaError::Type;
const core::StanzaError not_acceptable{
    .type = Type::modify,
    .condition = "not-acceptable",
    .text = {"Give a valid user name and a password.", "Indiquez un nom d’utilisateur valide et un mot de passe."}};
const core::StanzaError conflict{
    .type = Type::cancel, .condition = "conflict", .text = {"This name is taken.", "Ce nom est déjà pris."}};
const core::StanzaError try_later{.type = Type::wait,
                                  .condition = "resource-constraint",
                                  .text = {"Please try again later.", "Veuillez réessayer plus tard."}};

}  // namespace

bool C2s::registration_offered() {
  const auto* host = shard().host(domain_);
  return host != nullptr && host->registration && !host->only_certificates;
}

bool C2s::registration(xml::Element iq) {
  const auto query = iq.child("query", register_ns);
  if (!query) return false;
  const std::string id(iq.attribute_or_empty("id"));
  const auto type = iq.attribute_or_empty("type");
  if (type == "get") {
    std::string out;
    xml::Writer(out)
        .open("iq")
        .attribute("type", "result")
        .attribute("id", id)
        .open("query", register_ns)
        .element(
            "instructions", {},
            core::Text{"Choose a user name and a password.", "Choisissez un nom d’utilisateur et un mot de passe."}.in(
                language_))
        .element("username")
        .element("password")
        .close()
        .close();
    connection_.send(out);
    return true;
  }
  if (type != "set") return false;
  const auto jid = core::Jid::make(query.child("username", register_ns).text(), domain_);
  const auto password = query.child("password", register_ns).text();
  if (!jid || !jid->has_local() || password.empty()) {
    iq_error(id, not_acceptable);
  } else if (std::vector<std::string> tags;
             const auto denied =
                 ask_rules(shard(), connection_, core::RuleQuestion::Event::registration, *jid, {}, language_, tags)) {
    iq_error(id, denied->error);
  } else if (!host_->gate().may_register(connection_.peer_address(), shard().settings(), shard().loop().now_ms())) {
    iq_error(id, try_later);
  } else {
    create_account(id, *jid, password);
  }
  return true;
}

void C2s::create_account(const std::string& iq_id, const core::Jid& jid, const std::string& password) {
  using Keys = Result<std::vector<storage::ScramKey>>;
  const bool taken = shard().compute(
      [typed = std::string(password), rounds = shard().settings().scram_iterations]() mutable {
        auto keys = core::auth::make_keys(typed, rounds);
        crypto::wipe(typed);
        return keys;
      },
      [token = host_->token(*this), iq_id, jid](Keys keys) {
        auto* stream = token.get();
        if (stream == nullptr || stream->state_ != State::secured) return;
        if (!keys) return stream->iq_error(iq_id, not_acceptable);
        stream->store_account(iq_id, jid, std::move(*keys));
      });
  if (!taken) iq_error(iq_id, try_later);
}

void C2s::store_account(const std::string& iq_id, const core::Jid& jid, std::vector<storage::ScramKey> keys) {
  auto token = host_->token(*this);
  const auto source = source_of(connection_);
  auto origin = make_ref<core::audit::Origin>(core::audit::Origin::Members{.source = source});
  auto* back = &shard();
  // `answer` runs on this stream's shard.
  auto answer = [back, token, iq_id](std::string result, const core::StanzaError* error) {
    back->post([token, iq_id, result = std::move(result), error] {
      auto* stream = token.get();
      if (stream == nullptr || stream->state_ != State::secured) return;
      if (error != nullptr) return stream->iq_error(iq_id, *error);
      stream->connection_.send(result);
    });
  };
  shard().on_home(jid, [jid, origin, keys = std::move(keys), answer, iq_id](core::Shard& home, core::Account* account) {
    if (account == nullptr) return answer({}, &try_later);
    if (account->exists || account->state == storage::AccountState::deleted) return answer({}, &conflict);
    account->exists = true;  // so that a second request meanwhile sees the name taken
    account->commit_begun();
    auto unit = std::make_unique<core::Unit>();
    core::audit::Record record;
    record.kind = core::audit::Kind::admin;
    record.reason = "registered";
    record.recipient = jid.bare();
    record.origin = origin;
    unit->record = std::move(record);
    unit->writes.push_back(
        storage::PutAccount{{jid.str(), storage::AccountState::active, keys, utc_now_ns() / 1'000'000}});
    unit->done = [&home, jid, answer, iq_id](core::Unit& finished) {
      // In memory still: an account with a commit under way is not idle.
      if (auto* made = home.find_account(jid.bare())) {
        made->exists = finished.outcome.has_value();
        made->commit_ended(finished.at_once);
      }
      if (!finished.outcome) return answer({}, &try_later);
      home.account_changed(jid, storage::AccountState::active);
      std::string out;
      xml::Writer(out).open("iq").attribute("type", "result").attribute("id", iq_id).close();
      answer(std::move(out), nullptr);
    };
    home.commit(std::move(unit));
  });
}

}  // namespace valise::stream
