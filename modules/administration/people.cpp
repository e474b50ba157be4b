// What administrators are told: of one account, and of how many there are. Each question leaves a record, too.
#include <algorithm>
#include <charconv>

#include "base/clock.hpp"
#include "modules/administration/module.hpp"

namespace valise::modules::administration {
namespace {

using commands::Commands;
using commands::Field;
using commands::FieldType;
using commands::Form;
using Strings = std::vector<std::string>;

constexpr std::size_t most_listed = 1'000;  // where "none" sets no bound; what an answer may hold

Form result_of(std::vector<Field> fields) { return {.form_type = ns_admin, .fields = std::move(fields)}; }

void record(const Execution& execution, const core::Jid& about, std::string reason) {
  execution.shard().record(core::about_account(about, std::move(reason), execution.origin()));
}
core::Jid host_of(const Execution& execution) {
  return execution.asker().domain() == execution.host() ? execution.asker().to_domain()
                                                        : core::Jid::parse(execution.host()).value_or(core::Jid());
}

// ---- one account (§4.9, §4.10)

struct Known {
  bool exists = false;
  bool disabled = false;
  std::int64_t last_ms = 0;  // UTC; 0: never
  Strings addresses, resources;
  std::size_t contacts = 0;
};

Known known_of(core::Shard& there, const core::Account& account) {
  Known known{.exists = account.exists, .disabled = account.state == storage::AccountState::disabled};
  if (const auto* seen = there.service<core::LastSeen>()) known.last_ms = seen->last_seen_ms(account);
  for (const auto* session : account.sessions) {
    known.last_ms = std::max(known.last_ms, session->since_ms);
    known.resources.emplace_back(session->jid.resource());
    if (std::ranges::find(known.addresses, session->peer_address) == known.addresses.end()) {
      known.addresses.push_back(session->peer_address);
    }
  }
  if (const auto* contacts = there.service<core::Contacts>()) {
    contacts->each(account, [&](const storage::RosterItem&) { ++known.contacts; });
  }
  return known;
}

// What is known of an existing account, with the command; all else is answered.
void look_at(Execution execution, std::string_view field, std::string reason,
             std::move_only_function<void(Execution, Known)> then) {
  const auto jid = account_of(execution, field);
  if (!jid) return;
  record(execution, *jid, std::move(reason));
  auto& shard = execution.shard();
  auto waiting = std::make_shared<std::pair<Execution, decltype(then)>>(std::move(execution), std::move(then));
  shard.on_home(*jid, [home = &shard, waiting](core::Shard& there, core::Account* account) {
    auto known = account == nullptr ? std::nullopt : std::optional(known_of(there, *account));
    home->post([waiting, known = std::move(known)]() mutable {
      if (!known) return waiting->first.refuse(try_later());
      if (!known->exists) return waiting->first.refuse(no_such_account());
      waiting->second(std::move(waiting->first), std::move(*known));
    });
  });
}

void last_login(Execution execution) {
  if (execution.values().all("accountjids").size() != 1) {
    return execution.refuse(
        refusal(core::StanzaError::Type::modify, "not-acceptable", {"One account at a time.", "Un compte à la fois."}));
  }
  auto jid = execution.values().text("accountjids");
  look_at(std::move(execution), "accountjids", "user-lastlogin", [jid](Execution ready, Known known) {
    Field when{.name = "lastlogin", .label = {"Last there", "Dernière présence"}};
    if (known.last_ms != 0) when.values = {format_utc_ms(known.last_ms)};
    ready.complete(
        result_of({{.name = "accountjids", .type = FieldType::jid_multi, .values = {jid}}, std::move(when)}));
  });
}

void statistics(Execution execution) {
  auto jid = execution.values().text("accountjid");
  look_at(std::move(execution), "accountjid", "user-stats", [jid](Execution ready, Known known) {
    const core::Text disabled{"This account is disabled.", "Ce compte est désactivé."};
    const auto form = result_of({
        {.name = "accountjid", .type = FieldType::jid_single, .values = {jid}},
        {.name = "ipaddresses",
         .type = FieldType::text_multi,
         .label = {"Addresses", "Adresses"},
         .values = std::move(known.addresses)},
        {.name = "rostersize", .label = {"Contacts", "Contacts"}, .values = {std::to_string(known.contacts)}},
        {.name = "onlineresources",
         .type = FieldType::text_multi,
         .label = {"Devices", "Appareils"},
         .values = std::move(known.resources)},
    });
    ready.complete(form, known.disabled ? disabled.in(ready.language()) : std::string_view());
  });
}

// ---- all of them (§4.13 … §4.20)

// The host's accounts in that state (registered: in whichever), by name; `then` on the asker's shard.
void registered(Execution execution, std::optional<storage::AccountState> state,
                std::move_only_function<void(Execution, Strings)> then) {
  auto& shard = execution.shard();
  auto host = execution.host();
  auto waiting = std::make_shared<std::pair<Execution, decltype(then)>>(std::move(execution), std::move(then));
  shard.read(
      [host = std::move(host), state](storage::Reader& reader) -> Result<Strings> {
        const auto accounts = reader.accounts(host);
        if (!accounts) return std::unexpected(accounts.error());
        Strings names;
        for (const auto& account : *accounts) {
          if (!state || account.state == *state) names.push_back(account.jid);
        }
        return names;
      },
      [waiting](Result<Strings> names) {
        if (!names) return waiting->first.refuse(core::store_away);
        waiting->second(std::move(waiting->first), std::move(*names));
      });
}

// Those with a session.
void online(Execution execution, std::move_only_function<void(Execution, Strings)> then) {
  auto& shard = execution.shard();
  auto host = execution.host();
  auto waiting = std::make_shared<std::pair<Execution, decltype(then)>>(std::move(execution), std::move(then));
  on_all<Strings>(
      shard,
      [host](core::Shard& one) {
        Strings names;
        for (const auto& [name, account] : one.accounts()) {
          if (!account->sessions.empty() && account->jid.domain() == host) names.emplace_back(name);
        }
        return names;
      },
      [waiting](std::vector<Strings> parts) {
        Strings names;
        for (auto& part : parts) std::ranges::move(part, std::back_inserter(names));
        std::ranges::sort(names);
        waiting->second(std::move(waiting->first), std::move(names));
      });
}

using Find = std::function<void(Execution, std::move_only_function<void(Execution, Strings)>)>;

commands::Command count_of(std::string_view name, core::Text title, std::string_view field, const Find& find) {
  auto made = command(name, title, {}, [find, title, field](Execution execution) {
    record(execution, host_of(execution), "users-counted");
    find(std::move(execution), [title, field](Execution ready, const Strings& names) {
      ready.complete(result_of({{.name = field, .label = title, .values = {std::to_string(names.size())}}}));
    });
  });
  made.stages = 0;
  return made;
}

commands::Command list_of(std::string_view name, core::Text title, std::string_view field, const Find& find) {
  Form form{.title = title,
            .form_type = ns_admin,
            .fields = {{.name = "max_items",
                        .type = FieldType::list_single,
                        .label = {"At most", "Au plus"},
                        .values = {"25"},
                        .options = {"25", "50", "75", "100", "150", "200", "none"}}}};
  return command(name, title, std::move(form), [find, title, field](Execution execution) {
    record(execution, host_of(execution), "users-listed");
    std::size_t most = 25;
    const auto& wanted = execution.values().text("max_items");
    if (wanted == "none") {
      most = most_listed;
    } else {
      std::from_chars(wanted.data(), wanted.data() + wanted.size(), most);
    }
    find(std::move(execution), [title, field, most](Execution ready, Strings names) {
      const core::Text more{"There are more.", "Il y en a d’autres."};
      const bool cut = names.size() > most;
      if (cut) names.resize(most);
      ready.complete(
          result_of({{.name = field, .type = FieldType::jid_multi, .label = title, .values = std::move(names)}}),
          cut ? more.in(ready.language()) : std::string_view());
    });
  });
}

}  // namespace

void declare_people(Commands& commands) {
  const core::Text last_title{"When was somebody last there?", "Quand quelqu’un était-il là ?"};
  const core::Text account{"The account (name@host)", "Le compte (nom@hôte)"};
  commands.add(
      command("get-user-lastlogin", last_title,
              {.title = last_title,
               .form_type = ns_admin,
               .fields = {{.name = "accountjids", .type = FieldType::jid_multi, .label = account, .required = true}}},
              &last_login));
  const core::Text stats_title{"Addresses and devices of an account", "Adresses et appareils d’un compte"};
  commands.add(
      command("user-stats", stats_title,
              {.title = stats_title,
               .form_type = ns_admin,
               .fields = {{.name = "accountjid", .type = FieldType::jid_single, .label = account, .required = true}}},
              &statistics));
  const Find all = [](Execution execution, auto then) {
    registered(std::move(execution), std::nullopt, std::move(then));
  };
  const Find disabled = [](Execution execution, auto then) {
    registered(std::move(execution), storage::AccountState::disabled, std::move(then));
  };
  const Find there = [](Execution execution, auto then) { online(std::move(execution), std::move(then)); };
  commands.add(count_of("get-registered-users-num", {"How many accounts there are", "Nombre de comptes"},
                        "registeredusersnum", all));
  commands.add(count_of("get-disabled-users-num", {"How many accounts are disabled", "Nombre de comptes désactivés"},
                        "disabledusersnum", disabled));
  commands.add(count_of("get-online-users-num", {"How many people are connected", "Nombre de personnes connectées"},
                        "onlineusersnum", there));
  commands.add(
      list_of("get-registered-users-list", {"List of accounts", "Liste des comptes"}, "registereduserjids", all));
  commands.add(list_of("get-disabled-users-list", {"List of disabled accounts", "Liste des comptes désactivés"},
                       "disableduserjids", disabled));
  commands.add(list_of("get-online-users-list", {"List of those who are connected", "Liste des personnes connectées"},
                       "onlineuserjids", there));
}

}  // namespace valise::modules::administration
