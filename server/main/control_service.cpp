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

// Why it can't be an announcement, or "". Characters that XML has (XML 1.0 §2.2), but for those that only a terminal
// understands.
std::string_view fault_of(std::string_view text) {
  const auto control = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t';
  };
  if (text.find_first_not_of(" \n\r\t") == std::string_view::npos) return "the announcement is empty";
  if (text.size() > max_announcement) return "an announcement has at most 16 KiB";
  if (std::ranges::any_of(text, control) || text.contains('\x7f') || text.contains("\xef\xbf\xbe") ||
      text.contains("\xef\xbf\xbf")) {
    return "an announcement has no control characters";
  }
  return {};
}

// What is said, by the language of whoever reads it. The subject says who speaks, in both languages (RFC 6121 §5.2.4):
// the reader's stands first, for clients that show one; another device of his may speak the other.
class Wording {
 public:
  explicit Wording(const Announcement& announcement) {
    using enum core::Language;
    for (const auto first : {english, french}) {
      xml::Writer writer(first == french ? french_ : english_);
      for (const auto language : {first, first == french ? english : french}) {
        writer.open("subject")
            .attribute("xml:lang", core::tag_of(language))
            .text(std::string(subject.in(language)) + announcement.host)
            .close();
      }
      writer.element("body", {}, announcement.text);
    }
  }
  [[nodiscard]] const std::string& in(core::Language language) const {
    return language == core::Language::french ? french_ : english_;
  }

 private:
  static constexpr core::Text subject{"Announcement of the service ", "Annonce du service "};
  std::string english_, french_;
};

using Spoken = std::shared_ptr<const Wording>;  // read by all shards

bool hears(const core::Session* session) { return session->available && session->priority >= 0; }

// That of the account's stream, or of its host where it has none.
core::Language language_of(const core::Shard& shard, const core::Account* account, const std::string& host) {
  if (account != nullptr) {
    const auto found = std::ranges::find_if(account->sessions, hears);
    if (found != account->sessions.end()) return (*found)->language;
  }
  const auto* settings = shard.host(host);
  return settings == nullptr ? core::Language::english : settings->language;
}

// Whoever is available on a shard now.
std::size_t tell_available(core::Shard& shard, const std::string& host, const Wording& wording) {
  std::vector<std::pair<core::Jid, core::Language>> there;
  for (const auto& [name, account] : shard.accounts()) {
    if (account->jid.domain() != host || std::ranges::none_of(account->sessions, hears)) continue;
    there.emplace_back(account->jid, language_of(shard, account.get(), host));
  }
  for (auto& [jid, language] : there) shard.say(host, "headline", std::move(jid), wording.in(language), [](bool) {});
  return there.size();
}

Result<Json> to_available(App& app, const std::string& host, const Spoken& wording, const std::stop_token& stop) {
  std::size_t sent = 0;
  for (auto& shard : app.kernel().shards) {
    auto reply = std::make_shared<Reply<std::size_t>>();
    shard->post([&shard = *shard, host, wording, reply] {
      if (reply->begin()) reply->give(tell_available(shard, host, *wording));
    });
    const auto told = reply->wait(stop, patience);
    if (!told) return std::unexpected(told.error());
    sent += *told;
  }
  return Json{{"sent", sent}, {"failed", 0}};
}

Result<Json> to_all(App& app, const std::string& host, const Spoken& wording, const std::stop_token& stop) {
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
    shard.post([&shard, host, to = std::move(*jid), wording, reply]() mutable {
      if (!reply->begin()) return;
      const auto language = language_of(shard, shard.find_account(to.bare()), host);
      shard.say(host, "normal", std::move(to), wording->in(language), [reply](bool durable) { reply->give(durable); });
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
  if (const auto fault = fault_of(announcement.text); !fault.empty()) {
    return fail(ErrorCode::invalid, std::string(fault));
  }
  if (announcement.to != "online" && announcement.to != "all") {
    return fail(ErrorCode::invalid, "say to whom: online or all");
  }
  app.record_admin(announcement.to == "online" ? "announce-online" : "announce-all", announcement.host);
  const auto wording = std::make_shared<const Wording>(announcement);
  if (announcement.to == "online") return to_available(app, announcement.host, wording, stop);
  return to_all(app, announcement.host, wording, stop);
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
                     {"time", format_utc_ms(report->at_ms)},
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
