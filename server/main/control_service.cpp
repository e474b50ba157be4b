#include "main/control_service.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "config/options.hpp"
#include "core/shard.hpp"
#include "main/app.hpp"
#include "main/control_hosts.hpp"
#include "main/reply.hpp"
#include "modules/reports/report.hpp"
#include "xml/writer.hpp"

namespace valise {
namespace {

using Json = nlohmann::json;
using modules::reports::from_stored;

constexpr auto patience = std::chrono::seconds(20);
constexpr std::size_t max_announcement = 16 * 1024;  // bytes
constexpr std::size_t at_once = 100;                 // accounts that are written to before the next ones

// Characters that XML has (XML 1.0 §2.2), but for those that only a terminal understands.
bool is_announcement(std::string_view text) {
  const auto control = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t';
  };
  const bool blank = std::ranges::all_of(text, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
  return !blank && text.size() <= max_announcement && std::ranges::none_of(text, control) &&
         text.find('\x7f') == std::string_view::npos && !text.contains("\xef\xbf\xbe") &&
         !text.contains("\xef\xbf\xbf");
}

// The subject says who speaks, in the language of the host.
std::string children_of(App& app, const Announcement& announcement) {
  const auto language = app.config()->get(config::options::default_language, announcement.host);
  const bool french = language == config::Language::fr;
  std::string out;
  xml::Writer writer(out);
  writer.element("subject", {}, (french ? "Annonce du service " : "Announcement of the service ") + announcement.host);
  writer.element("body", {}, announcement.text);
  return out;
}

// Whoever is available on a shard now.
std::size_t tell_available(core::Shard& shard, const std::string& host, const std::string& children) {
  std::vector<core::Jid> there;
  for (const auto& [name, account] : shard.accounts()) {
    const auto hears = [](const core::Session* session) { return session->available && session->priority >= 0; };
    if (account->jid.domain() == host && std::ranges::any_of(account->sessions, hears)) there.push_back(account->jid);
  }
  for (auto& jid : there) shard.say(host, "headline", std::move(jid), children, [](bool) {});
  return there.size();
}

Result<Json> to_available(App& app, const std::string& host, const std::string& children, const std::stop_token& stop) {
  std::size_t sent = 0;
  for (auto& shard : app.kernel().shards) {
    auto reply = std::make_shared<Reply<std::size_t>>();
    shard->post([&shard = *shard, host, children, reply] {
      if (reply->begin()) reply->give(tell_available(shard, host, children));
    });
    const auto told = reply->wait(stop, patience);
    if (!told) return std::unexpected(told.error());
    sent += *told;
  }
  return Json{{"sent", sent}, {"failed", 0}};
}

Result<Json> to_all(App& app, const std::string& host, const std::string& children, const std::stop_token& stop) {
  auto reader = app.store()->open_reader();
  if (!reader) return std::unexpected(reader.error());
  const auto accounts = (*reader)->accounts(host);
  if (!accounts) return std::unexpected(accounts.error());
  std::size_t sent = 0, failed = 0;
  std::vector<std::shared_ptr<Reply<bool>>> waiting;
  const auto settle = [&] {
    for (auto& reply : waiting) {
      const auto arrived = reply->wait(stop, patience);
      ++(arrived && *arrived ? sent : failed);
    }
    waiting.clear();
  };
  for (const auto& account : *accounts) {
    auto jid = core::Jid::parse(account.jid);
    if (account.state != storage::AccountState::active || !jid) continue;
    auto reply = waiting.emplace_back(std::make_shared<Reply<bool>>());
    auto& shard = app.kernel().home(account.jid);
    shard.post([&shard, host, to = std::move(*jid), children, reply]() mutable {
      if (!reply->begin()) return;
      shard.say(host, "normal", std::move(to), children, [reply](bool durable) { reply->give(durable); });
    });
    if (waiting.size() == at_once) settle();
    if (stop.stop_requested()) break;
  }
  settle();
  return Json{{"sent", sent}, {"failed", failed}};
}

}  // namespace

Result<Json> announce(App& app, const Announcement& announcement, const std::stop_token& stop) {
  if (auto known = known_host(app, announcement.host); !known) return std::unexpected(known.error());
  if (!is_announcement(announcement.text)) {
    return fail(ErrorCode::invalid, "an announcement is a text of at most 16 KiB without control characters");
  }
  if (announcement.to != "online" && announcement.to != "all") {
    return fail(ErrorCode::invalid, "say to whom: online or all");
  }
  app.record_admin(announcement.to == "online" ? "announce-online" : "announce-all", announcement.host);
  const auto children = children_of(app, announcement);
  if (announcement.to == "online") return to_available(app, announcement.host, children, stop);
  return to_all(app, announcement.host, children, stop);
}

Result<Json> list_reports(App& app, const std::string& host) {
  const auto hosts = hosts_asked_for(app, host);
  if (!hosts) return std::unexpected(hosts.error());
  auto reader = app.store()->open_reader();
  if (!reader) return std::unexpected(reader.error());
  Json out = Json::array();
  for (const auto& name : *hosts) {
    const auto rows = (*reader)->account_data(name, storage::DataKind::abuse_report);
    if (!rows) return std::unexpected(rows.error());
    for (const auto& row : *rows) {
      const auto report = from_stored(row.value);
      if (!report) continue;
      out.push_back({{"report", row.name},
                     {"time", format_utc(report->at_ms * 1'000'000)},
                     {"by", report->reporter},
                     {"of", report->reported},
                     {"reason", report->reason},
                     {"messages", report->messages},
                     {"text", report->text}});
    }
  }
  return out;
}

Result<Json> finish_report(App& app, const std::string& name, const std::stop_token& stop) {
  auto reader = app.store()->open_reader();
  if (!reader) return std::unexpected(reader.error());
  for (const auto& host : app.config()->hosts()) {
    const auto rows = (*reader)->account_data(host, storage::DataKind::abuse_report, name);
    if (!rows) return std::unexpected(rows.error());
    if (name.empty() || rows->empty()) continue;
    auto reply = std::make_shared<Reply<Json>>();
    auto& shard = *app.kernel().shards.front();
    shard.post([&shard, host, name, reply] {
      if (!reply->begin()) return;
      auto unit = std::make_unique<core::Unit>();
      unit->writes.emplace_back(storage::RemoveAccountData{host, storage::DataKind::abuse_report, name});
      core::audit::Record record;
      record.kind = core::audit::Kind::admin;
      record.recipient = host;
      record.reason = "report-done";
      unit->record = std::move(record);
      unit->done = [name, reply](core::Unit& finished) {
        if (!finished.outcome) return reply->give(std::unexpected(finished.outcome.error()));
        reply->give(Json{{"report", name}});
      };
      shard.commit(std::move(unit));
    });
    return reply->wait(stop, patience);
  }
  return fail(ErrorCode::not_found, "there is no report \"" + name + "\"");
}

}  // namespace valise
