#include "main/control_invitations.hpp"

#include <chrono>
#include <map>

#include "base/clock.hpp"
#include "core/invitations.hpp"
#include "core/shard.hpp"
#include "main/app.hpp"
#include "main/control_hosts.hpp"
#include "main/reply.hpp"
#include "storage/store.hpp"

namespace valise {
namespace {

using Json = nlohmann::json;

constexpr auto patience = std::chrono::seconds(20);
constexpr std::int64_t ms_per_day = 86'400'000;
constexpr std::int64_t most_days = 366;

std::string text_of(const Json& request, const char* name) {
  const auto found = request.find(name);
  return found != request.end() && found->is_string() ? found->get<std::string>() : std::string();
}
std::int64_t number_of(const Json& request, const char* name, std::int64_t otherwise) {
  const auto found = request.find(name);
  return found != request.end() && found->is_number_integer() ? found->get<std::int64_t>() : otherwise;
}

// Runs `ask` on the shard of the host's invitations and waits for what it gives to the reply.
template <class T, class Ask>
Result<T> ask_invitations(App& app, const std::string& host, const std::stop_token& stop, Ask ask) {
  auto reply = std::make_shared<Reply<T>>();
  auto& shard = app.kernel().home(host);
  shard.post([&shard, ask = std::move(ask), reply]() mutable {
    auto* invitations = shard.service<core::Invitations>();
    if (invitations == nullptr) return reply->give(fail(ErrorCode::internal, "no invitations"));
    ask(*invitations, reply);
  });
  return reply->wait(stop, patience);
}

// Whether it could be used now (core::Invitations::look_up): it rests while its inviter can't log in, and is of no use
// when he has left.
Result<std::string> state_of(const core::Invitation& one, storage::Reader& reader,
                             std::map<std::string, std::string>& inviters) {
  if (one.expires_ms <= utc_now_ms()) return "expired";
  if (one.used >= one.uses) return "used";
  if (one.inviter.empty()) return "open";
  auto [place, is_new] = inviters.try_emplace(one.inviter, "inviter-gone");
  if (!is_new) return place->second;
  const auto account = reader.account(one.inviter);
  if (!account) return std::unexpected(account.error());
  if (!*account || storage::is_gone((*account)->state)) return place->second;
  place->second = (*account)->state == storage::AccountState::active ? "open" : "inviter-disabled";
  return place->second;
}

Json shown(const core::Invitation& one) {
  return {{"id", one.id.substr(0, 16)},
          {"host", one.host},
          {"for", one.account ? "account" : "contact"},
          {"name", one.name},
          {"inviter", one.inviter},
          {"used", one.used},
          {"uses", one.uses},
          {"groups", one.groups},
          {"created", format_utc_ms(one.created_ms)},
          {"expires", format_utc_ms(one.expires_ms)}};
}

}  // namespace

Result<Json> new_invitation(App& app, const Json& request, const std::stop_token& stop) {
  const auto to = core::Jid::parse(text_of(request, "to"));
  if (!to || !to->is_bare()) return fail(ErrorCode::invalid, "give the host, or the account as name@host");
  const std::string host(to->domain());
  if (auto known = known_host(app, host); !known) return std::unexpected(known.error());
  core::Invitation wish{.host = host, .name = std::string(to->local()), .account = true};
  if (const auto inviter = text_of(request, "inviter"); !inviter.empty()) {
    const auto jid = core::Jid::parse(inviter);
    if (!jid || !jid->is_bare() || !jid->has_local() || !app.config()->has_host(jid->domain())) {
      return fail(ErrorCode::invalid, "the inviter is none of our accounts");
    }
    wish.inviter = jid->str();
    wish.contact = true;
  }
  if (const auto groups = request.find("groups"); groups != request.end() && groups->is_array()) {
    for (const auto& group : *groups) {
      if (group.is_string()) wish.groups.push_back(group.get<std::string>());
    }
  }
  const auto uses = number_of(request, "uses", 1);
  if (uses < 1 || uses > 1'000) return fail(ErrorCode::invalid, "an invitation has 1 to 1,000 uses");
  const bool says_days = request.contains("days");
  const auto days = number_of(request, "days", 0);
  if (says_days && (days < 1 || days > most_days)) {
    return fail(ErrorCode::invalid,
                "an invitation holds for 1 to 366 days; without --days as invitations.lifetime says");
  }
  if (!wish.name.empty() && uses != 1) return fail(ErrorCode::invalid, "an invitation for one name has one use");
  wish.uses = static_cast<unsigned>(uses);
  using Made = core::Invitations::Made;
  const auto made = ask_invitations<Made>(
      app, host, stop, [wish, days](core::Invitations& invitations, const std::shared_ptr<Reply<Made>>& reply) {
        if (!reply->begin()) return;
        invitations.make(wish, days * ms_per_day, {}, [reply](Result<Made> result) { reply->give(std::move(result)); });
      });
  if (!made) return std::unexpected(made.error());
  auto json = shown(made->invitation);
  json["uri"] = made->uri;
  if (!made->web_url.empty()) json["web"] = made->web_url;
  return json;
}

Result<Json> list_invitations(App& app, const Json& request, const std::stop_token& stop) {
  const auto hosts = hosts_asked_for(app, text_of(request, "host"));
  if (!hosts) return std::unexpected(hosts.error());
  auto reader = app.store()->open_reader();
  if (!reader) return std::unexpected(reader.error());
  using All = std::vector<core::Invitation>;
  std::map<std::string, std::string> inviters;
  Json rows = Json::array();
  for (const auto& host : *hosts) {
    const auto all = ask_invitations<All>(
        app, host, stop, [host](core::Invitations& invitations, const std::shared_ptr<Reply<All>>& reply) {
          invitations.list(host, [reply](Result<All> result) { reply->give(std::move(result)); });
        });
    if (!all) return std::unexpected(all.error());
    for (const auto& one : *all) {
      auto state = state_of(one, **reader, inviters);
      if (!state) return std::unexpected(state.error());
      rows.push_back(shown(one));
      rows.back()["state"] = std::move(*state);
    }
  }
  return rows;
}

Result<Json> revoke_invitation(App& app, const Json& request, const std::stop_token& stop) {
  const auto host = text_of(request, "host");
  if (auto known = known_host(app, host); !known) return std::unexpected(known.error());
  const auto id = text_of(request, "id");
  using Nothing = bool;
  const auto done = ask_invitations<Nothing>(
      app, host, stop, [host, id](core::Invitations& invitations, const std::shared_ptr<Reply<Nothing>>& reply) {
        if (!reply->begin()) return;
        invitations.revoke(host, id, {}, [reply](Result<> result) {
          if (result) return reply->give(true);
          reply->give(std::unexpected(result.error()));
        });
      });
  if (!done) return std::unexpected(done.error());
  return Json{{"id", id}};
}

}  // namespace valise
