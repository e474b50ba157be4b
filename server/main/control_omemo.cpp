#include "main/control_omemo.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "config/options.hpp"
#include "core/account_change.hpp"
#include "core/audit/verify.hpp"
#include "main/control_hosts.hpp"
#include "modules/omemo_devices/devices.hpp"
#include "modules/omemo_devices/health.hpp"

namespace valise {
namespace {

using modules::omemo_devices::HealthTerms;
using modules::omemo_devices::OmemoDevices;

constexpr std::size_t most_findings = 10'000;

std::string shown(std::int64_t ms) { return ms == 0 ? std::string() : format_utc_ms(ms); }

std::string_view name_of(modules::OmemoVersion version) {
  return version == modules::OmemoVersion::legacy ? "legacy" : "omemo:2";
}

Answer omemo_devices(const Request& request) {
  const auto jid = local_account(request);
  if (!jid) return std::unexpected(jid.error());
  return on_existing(request, *jid, [](core::Shard& shard, core::Account& account, const AnswerReply& reply) {
    Json rows = Json::array();
    for (const auto& line : shard.service<OmemoDevices>()->devices(account)) {
      rows.push_back({{"device", line.id},
                      {"state", line.state},
                      {"versions", line.versions},
                      {"fingerprint", line.fingerprint},
                      {"identity", line.identity},
                      {"first", shown(line.first_ms)},
                      {"seen", shown(line.seen_ms)},
                      {"resource", line.resource}});
    }
    reply->give(std::move(rows));
  });
}

using Order = void (OmemoDevices::*)(core::Account&, std::uint32_t, core::audit::Record,
                                     std::move_only_function<void(Result<>)>);

Answer decide(const Request& request, Order order, std::string reason) {
  const auto jid = local_account(request);
  if (!jid) return std::unexpected(jid.error());
  const auto device = modules::pep::parse_device_id(request.text("device"));
  if (!device) return fail(ErrorCode::invalid, "give the device's number, as omemo devices says it");
  return on_existing(request, *jid,
                     [order, id = *device, reason = std::move(reason)](core::Shard& shard, core::Account& account,
                                                                       const AnswerReply& reply) {
                       if (!reply->begin()) return;
                       auto record = core::about_account(account.jid, reason);
                       (shard.service<OmemoDevices>()->*order)(account, id, std::move(record),
                                                               [jid = account.jid, id, reply](Result<> done) {
                                                                 if (!done)
                                                                   return reply->give(std::unexpected(done.error()));
                                                                 reply->give(Json{{"jid", jid.str()}, {"device", id}});
                                                               });
                     });
}

Answer omemo_approve(const Request& request) { return decide(request, &OmemoDevices::approve, "omemo-approve"); }
Answer omemo_revoke(const Request& request) { return decide(request, &OmemoDevices::revoke, "omemo-revoke"); }

// Whether an encoded record (record.hpp) may be about devices: nearly all others are left out without being parsed.
bool may_be_about_devices(std::string_view record) {
  const auto begin = record.substr(0, 96);  // id, rows, kind
  if (begin.contains(R"("kind":"omemo-device")")) return true;
  return begin.contains(R"("kind":"admin")") && record.contains(R"("reason":"omemo-)");
}

// The entry as a row; `note`: by which `valisectl audit verify --known` proves that it stood there.
Json history_row(const core::audit::Entry& entry, const Json& record, const std::string& note) {
  const auto of = [&record](const char* name) { return record.value(name, std::string()); };
  return {{"entry", entry.seq},
          {"time", format_utc(entry.time_ns)},
          {"what", of("reason")},
          {"device", record.value("device", 0U)},
          {"version", of("encryption")},
          {"identity", of("identity")},
          {"by", of("from")},
          {"resource", of("resource")},
          {"source", of("source")},
          {"note", note}};
}

// Out of the log alone, which nobody can alter unseen; it is read from its beginning.
Answer omemo_history(const Request& request) {
  const auto jid = local_account(request);
  if (!jid) return std::unexpected(jid.error());
  const auto config = request.app.config();
  if (!config->get(config::options::audit_enabled)) {
    return fail(ErrorCode::unavailable, "the metadata log is off (audit.enabled)");
  }
  const auto folder = config->get(config::options::audit_path);
  auto cursor = core::audit::Cursor::open(folder);
  if (!cursor) return std::unexpected(cursor.error());
  Json rows = Json::array();
  while (!request.stop.stop_requested()) {
    const auto entry = cursor->next();
    if (!entry) return std::unexpected(entry.error());
    if (!*entry) return rows;
    if ((*entry)->erased || !may_be_about_devices((*entry)->record)) continue;
    const auto record = Json::parse((*entry)->record, nullptr, false);
    if (!record.is_object() || record.value("to", "") != jid->full()) continue;
    const auto chain = core::audit::chain_at(folder, (*entry)->seq + 1);
    rows.push_back(history_row(**entry, record, chain ? core::audit::note_text({(*entry)->seq + 1, *chain}) : ""));
  }
  return fail(ErrorCode::unavailable, "the server is stopping");
}

// The account that is asked about, or all that can log in on the host or hosts.
Result<std::vector<std::string>> accounts_asked_for(const Request& request, storage::Reader& reader) {
  const auto about = request.text("about");
  std::vector<std::string> names;
  if (about.contains('@')) {
    const auto jid = core::Jid::parse(about);
    if (!jid || !jid->is_bare()) return fail(ErrorCode::invalid, "give a host, or an account as name@host");
    if (auto known = known_host(request.app, jid->domain()); !known) return std::unexpected(known.error());
    const auto account = reader.account(jid->full());
    if (!account) return std::unexpected(account.error());
    if (!*account || storage::is_gone((*account)->state)) return no_account(*jid);
    names.push_back(jid->str());
    return names;
  }
  const auto hosts = hosts_asked_for(request.app, about);
  if (!hosts) return std::unexpected(hosts.error());
  for (const auto& host : *hosts) {
    const auto accounts = reader.accounts(host);
    if (!accounts) return std::unexpected(accounts.error());
    for (const auto& account : *accounts) {
      if (account.state == storage::AccountState::active) names.push_back(account.jid);
    }
  }
  return names;
}

Result<std::int64_t> term_of(const Request& request, const char* name, std::int64_t otherwise) {
  const auto found = request.json.find(name);
  if (found == request.json.end()) return otherwise * day_ms;
  if (!found->is_number_integer() || found->get<std::int64_t>() < 0 || found->get<std::int64_t>() > 36'500) {
    return fail(ErrorCode::invalid, "give days, 0 to 36500; 0: never");
  }
  return found->get<std::int64_t>() * day_ms;
}

Answer omemo_health(const Request& request) {
  const auto signed_prekey = term_of(request, "signed_prekey_days", 365);
  if (!signed_prekey) return std::unexpected(signed_prekey.error());
  const auto silent = term_of(request, "silent_days", 90);
  if (!silent) return std::unexpected(silent.error());
  const HealthTerms terms{.now_ms = utc_now_ms(), .signed_prekey_ms = *signed_prekey, .silent_ms = *silent};
  auto reader = request.app.store()->open_reader();
  if (!reader) return std::unexpected(reader.error());
  const auto accounts = accounts_asked_for(request, **reader);
  if (!accounts) return std::unexpected(accounts.error());
  Json rows = Json::array();
  for (const auto& account : *accounts) {
    if (request.stop.stop_requested()) return fail(ErrorCode::unavailable, "the server is stopping");
    const auto found = modules::omemo_devices::ailments(**reader, account, terms);
    if (!found) return std::unexpected(found.error());
    for (const auto& one : *found) {
      if (rows.size() == most_findings) return fail(ErrorCode::limit, "too much is wrong: ask host by host");
      rows.push_back({{"account", account},
                      {"device", one.device},
                      {"version", name_of(one.version)},
                      {"problems", one.problems},
                      {"prekeys", one.prekeys},
                      {"signed_prekey", shown(one.signed_prekey_ms)},
                      {"seen", shown(one.seen_ms)}});
    }
  }
  return rows;
}

}  // namespace

std::span<const NamedCommand> omemo_commands() {
  static constexpr NamedCommand commands[] = {
      {"omemo.devices", &omemo_devices}, {"omemo.approve", &omemo_approve}, {"omemo.revoke", &omemo_revoke},
      {"omemo.history", &omemo_history}, {"omemo.health", &omemo_health},
  };
  return commands;
}

}  // namespace valise
