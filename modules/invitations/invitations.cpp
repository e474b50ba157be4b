#include "modules/invitations/invitations.hpp"

#include "base/clock.hpp"
#include "core/account_change.hpp"
#include "modules/invitations/module.hpp"
#include "modules/invitations/uri.hpp"

namespace valise::modules {
namespace invitations {
namespace {

using Flag = config::Declaration<bool>;

const config::Option<bool> enabled{
    Flag{.name = "invitations.enabled",
         .otherwise = false,
         .reason = "people come by invitation (XEP-0401): an administrator's makes an account, anybody's a contact",
         .scope = config::Scope::host,
         .reload = config::Reload::live,
         .needs = {{"tls.client_certificates", "off"}, {"tls.client_certificates", "ask"}}}};
const config::Option<bool> by_people{
    Flag{.name = "invitations.by_people",
         .otherwise = false,
         .reason = "whoever has an account may invite people who have none: they make one with it",
         .scope = config::Scope::host,
         .reload = config::Reload::live,
         .needs = {{"invitations.enabled"}}}};
const config::Option<std::int64_t> lifetime{{.name = "invitations.lifetime",
                                             .otherwise = 7 * 86'400,
                                             .reason = "how long an invitation holds if nothing else is said",
                                             .unit = config::Unit::seconds,
                                             .min = 60,
                                             .max = 366 * 86'400,
                                             .scope = config::Scope::host,
                                             .reload = config::Reload::live,
                                             .needs = {{"invitations.enabled"}}}};
const config::Option<std::int64_t> of_an_account{{.name = "invitations.of_an_account",
                                                  .otherwise = 20,
                                                  .reason = "invitations that somebody may have open at once",
                                                  .min = 1,
                                                  .max = 1'000,
                                                  .scope = config::Scope::host,
                                                  .reload = config::Reload::live,
                                                  .needs = {{"invitations.enabled"}}}};

std::unexpected<Error> not_now() { return fail(ErrorCode::unavailable, "invitations can't be read right now"); }
std::unexpected<Error> over() { return fail(ErrorCode::conflict, "the invitation is over"); }

bool is_group(const std::string& name) { return !name.empty() && name.size() <= 256; }

}  // namespace

InvitationsModule::InvitationsModule(core::Shard& shard)
    : shard_(shard), timer_([](void* self) { static_cast<InvitationsModule*>(self)->sweep(); }, this) {}

void InvitationsModule::start(core::Registrar&) {
  shard_.publish<core::Invitations>(*this);
  shard_.publish<InvitationsModule>(*this);  // for the other shards
  if (auto* commands = shard_.service<commands::Commands>()) declare(*commands);
}

void InvitationsModule::configure(const config::Snapshot& snapshot) {
  hosts_.clear();
  for (const auto& host : snapshot.hosts()) {
    // Where only a client certificate logs in, a password would open nothing.
    const auto* settings = shard_.host(host);
    const bool passwords = settings == nullptr || !settings->only_certificates;
    hosts_[host] = {snapshot.get(invitations::enabled, host) && passwords, snapshot.get(by_people, host),
                    snapshot.get(lifetime, host) * 1000, static_cast<std::size_t>(snapshot.get(of_an_account, host))};
  }
  shard_.post([this] { load_all(); });
}

const HostRules& InvitationsModule::rules(std::string_view host) const {
  static const HostRules none;
  const auto found = hosts_.find(std::string(host));
  return found == hosts_.end() ? none : found->second;
}

// XEP-0445 §3
std::string InvitationsModule::stream_features_before_login(const std::string& host) const {
  return enabled(host) ? "<register xmlns='" + std::string(ns_tokens) + "'/>" : std::string();
}

void InvitationsModule::look_up(std::string host, std::string_view token,
                                std::function<void(std::optional<Invitation>)> then) {
  auto id = id_of(token);
  if (id.empty() || !enabled(host)) return then(std::nullopt);
  at_keeper(host, [id = std::move(id), answer = back(std::move(then))](InvitationsModule& keeper, Kept* kept) {
    const auto* found = kept == nullptr ? nullptr : kept->book.find(id);
    const bool holds = found != nullptr && found->expires_ms > utc_now_ms() && kept->book.is_open(id);
    if (!holds) return answer(std::nullopt);
    keeper.ask_for_inviter(*found, [answer, invitation = *found](Result<> is_there) {
      answer(is_there ? std::optional(invitation) : std::nullopt);
    });
  });
}

void InvitationsModule::show(std::string host, std::string_view token, std::function<void(Result<Made>)> then) {
  auto id = id_of(token);
  if (id.empty() || !enabled(host)) return then(fail(ErrorCode::not_found, "no such invitation"));
  at_keeper(host, [id = std::move(id), token = std::string(token), answer = back(std::move(then))](
                      InvitationsModule& keeper, Kept* kept) {
    if (kept == nullptr) return answer(not_now());
    const auto* found = kept->book.find(id);
    if (found == nullptr && !kept->book.is_over(id)) return answer(fail(ErrorCode::not_found, "no such invitation"));
    // A use that is under way may fail yet.
    if (found == nullptr || found->expires_ms <= utc_now_ms() || found->used >= found->uses) return answer(over());
    Made made{token, *found, uri_of(*found, token), keeper.web_url(*found, token)};
    keeper.ask_for_inviter(*found, [answer, made = std::move(made)](Result<> is_there) {
      if (!is_there) return answer(std::unexpected(is_there.error()));
      answer(made);
    });
  });
}

// conflict: he has left, or may not log in. The answer comes on any shard.
void InvitationsModule::ask_for_inviter(const Invitation& invitation, std::function<void(Result<>)> then) {
  const auto inviter = core::Jid::parse(invitation.inviter);
  if (!inviter) return then({});
  shard_.on_home(*inviter, [then = std::move(then)](core::Shard&, core::Account* account) {
    if (account == nullptr) return then(not_now());
    const bool is_there = account->exists && account->state == storage::AccountState::active;
    then(is_there ? Result<>() : over());
  });
}

std::string InvitationsModule::web_url(const Invitation& invitation, std::string_view token) const {
  const auto* page = shard_.service<core::InvitationPage>();
  return page == nullptr ? std::string() : page->url_of(invitation.host, token);
}

void InvitationsModule::begin(std::string id, const core::Jid& account, std::function<void(Result<>)> then) {
  at_keeper(std::string(account.domain()),
            [id = std::move(id), account, answer = back(std::move(then))](InvitationsModule&, Kept* kept) {
              if (kept == nullptr) return answer(not_now());
              if (kept->book.is_kept(account.local(), id, utc_now_ms())) {
                return answer(fail(ErrorCode::conflict, "the name is kept for somebody else"));
              }
              if (!id.empty() && !kept->book.begin(id, account.full())) {
                return answer(fail(ErrorCode::not_found, "the invitation has been used"));
              }
              answer({});
            });
}

storage::Write InvitationsModule::use(std::string_view id, const core::Jid& account) const {
  return storage::PutAccountData{
      std::string(account.domain()), data_kind, {std::string(id) + "/" + account.str(), "made"}};
}

void InvitationsModule::finish(std::string id, const core::Jid& account, bool made) {
  at_keeper(std::string(account.domain()), [id = std::move(id), account, made](InvitationsModule& keeper, Kept* kept) {
    if (kept == nullptr) return;
    const bool last = kept->book.finish(id, account.full(), made);
    if (made) keeper.used(id, account, last);
  });
}

void InvitationsModule::use_for_contact(std::string_view token, const core::Jid& inviter, const core::Jid& contact,
                                        std::function<void(bool)> then) {
  auto id = id_of(token);
  const std::string host(inviter.domain());
  if (id.empty() || !enabled(host)) return then(false);
  at_keeper(host, [id = std::move(id), inviter, contact, answer = back(std::move(then))](InvitationsModule& keeper,
                                                                                         Kept* kept) {
    const auto* found = kept == nullptr ? nullptr : kept->book.find(id);
    const bool holds = found != nullptr && found->contact && found->inviter == inviter.full() &&
                       found->expires_ms > utc_now_ms() && kept->book.begin(id, contact.full());
    if (!holds) return answer(false);
    auto unit = std::make_unique<core::Unit>();
    unit->record = core::about_account(
        inviter, "invitation-used", make_ref<core::audit::Origin>(core::audit::Origin::Members{.jid = contact.full()}));
    unit->writes.emplace_back(
        storage::PutAccountData{std::string(inviter.domain()), data_kind, {id + "/" + contact.str(), "done"}});
    unit->done = [&keeper, id, inviter, contact, answer](core::Unit& finished) {
      const bool durable = finished.outcome.has_value();
      const std::string domain(inviter.domain());
      auto& now = keeper.kept_[domain];
      if (now.book.finish(id, contact.full(), durable)) keeper.drop(now, domain, id, std::nullopt, [](Result<>) {});
      answer(durable);
    };
    keeper.shard_.commit(std::move(unit));
  });
}

void InvitationsModule::make(Invitation wish, std::int64_t lifetime_ms, Ref<const core::audit::Origin> by,
                             std::function<void(Result<Made>)> then) {
  const auto& allowed = rules(wish.host);
  if (!allowed.enabled) return then(fail(ErrorCode::denied, "invitations.enabled is false for this host"));
  if (wish.groups.size() > most_groups || !std::ranges::all_of(wish.groups, is_group) || wish.uses == 0 ||
      wish.uses > 1'000 || (!wish.name.empty() && wish.uses != 1) || (wish.contact && wish.inviter.empty())) {
    return then(fail(ErrorCode::invalid, "such an invitation can't be made"));
  }
  wish.created_ms = utc_now_ms();
  wish.expires_ms = wish.created_ms + (lifetime_ms == 0 ? allowed.lifetime_ms : lifetime_ms);
  auto token = new_token();
  wish.id = id_of(token);
  const auto host = wish.host;
  auto answer = back(std::move(then));
  auto keep_it = [this, wish, token, by, answer, most = allowed.of_an_account, host] {
    at_keeper(host, [wish, token, by, answer, most](InvitationsModule& keeper, Kept* kept) {
      if (kept == nullptr) return answer(not_now());
      const bool theirs = !wish.inviter.empty() && kept->book.count_of(wish.inviter, utc_now_ms()) >= most;
      if (theirs || kept->book.size() >= most_open) {
        return answer(fail(ErrorCode::limit, "too many invitations are open"));
      }
      if (!wish.name.empty() && kept->book.is_kept(wish.name, {}, utc_now_ms())) {
        return answer(fail(ErrorCode::conflict, "the name is kept for another invitation"));
      }
      keeper.keep(*kept, wish, by, [wish, token, answer, page = keeper.web_url(wish, token)](Result<> kept_now) {
        if (!kept_now) return answer(std::unexpected(kept_now.error()));
        answer(Made{token, wish, uri_of(wish, token), page});
      });
    });
  };
  auto look_for_name = [this, wish, keep_it, answer] {
    if (wish.name.empty()) return keep_it();
    const auto wanted = core::Jid::make(wish.name, wish.host);
    if (!wanted) return answer(fail(ErrorCode::invalid, "not a name"));
    shard_.on_home(*wanted, [home = &shard_, keep_it, answer](core::Shard&, core::Account* account) {
      if (account == nullptr) return answer(not_now());
      if (account->exists || storage::is_gone(account->state)) {
        return answer(fail(ErrorCode::conflict, "this account exists, or existed"));
      }
      home->post(keep_it);
    });
  };
  ask_for_inviter(wish, [home = &shard_, look_for_name, answer, inviter = wish.inviter](Result<> there) {
    if (there) return home->post(look_for_name);
    const bool is_away = there.error().code == ErrorCode::unavailable;
    answer(is_away ? not_now() : fail(ErrorCode::not_found, "there is no account " + inviter + " that may invite"));
  });
}

void InvitationsModule::list(std::string host, std::function<void(Result<std::vector<Invitation>>)> then) {
  at_keeper(host, [answer = back(std::move(then))](InvitationsModule&, Kept* kept) {
    if (kept == nullptr) return answer(not_now());
    answer(kept->book.all());
  });
}

void InvitationsModule::revoke(std::string host, std::string id, Ref<const core::audit::Origin> by,
                               std::function<void(Result<>)> then) {
  at_keeper(host,
            [host, id = std::move(id), by, answer = back(std::move(then))](InvitationsModule& keeper, Kept* kept) {
              if (kept == nullptr) return answer(not_now());
              bool several = false;
              const auto* found = id.size() < 8 ? nullptr : kept->book.find_beginning(id, several);
              if (several) return answer(fail(ErrorCode::conflict, "several invitations begin so"));
              if (found == nullptr) return answer(fail(ErrorCode::not_found, "there is no such invitation"));
              const auto about = core::Jid::parse(found->inviter.empty() ? host : found->inviter);
              keeper.drop(*kept, host, found->id,
                          core::about_account(about.value_or(core::Jid()), "invitation-revoked", by), answer);
            });
}

namespace {
std::unique_ptr<core::Module> create(core::Shard& shard) { return std::make_unique<InvitationsModule>(shard); }
}  // namespace

}  // namespace invitations

const core::Manifest& invitations_manifest() {
  using namespace invitations;
  static const core::Manifest manifest{
      .name = "invitations",
      .summary = "links by which people make an account and become contacts",
      .implements = {{"XEP-0379", "0.3.3"}, {"XEP-0401", "0.6.0"}, {"XEP-0445", "0.2.0"}},
      .options =
          [](config::Registry& registry) {
            registry.add(invitations::enabled);
            registry.add(by_people);
            registry.add(lifetime);
            registry.add(of_an_account);
          },
      .make = &invitations::create,
  };
  return manifest;
}

}  // namespace valise::modules
