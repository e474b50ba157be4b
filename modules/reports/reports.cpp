// A report becomes durable with the block that it explains: a record in the log, a row for the administrators. Its text
// stands in that row alone.
#include "modules/reports/reports.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/log.hpp"
#include "config/findings.hpp"
#include "core/named_accounts.hpp"
#include "core/shard.hpp"
#include "modules/reports/abuse_reports.hpp"
#include "modules/reports/report.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace reports {
namespace {

std::string check_address(std::string_view text) {
  const auto jid = core::Jid::parse(text);
  return jid && jid->has_local() && jid->is_bare() ? std::string() : "takes addresses of accounts, \"name@host\"";
}

const config::Option<config::Strings> notify_option{
    {.name = "reports.notify",
     .otherwise = {},
     .reason = "accounts of this server that get a message of the domain about each report, without its text",
     .max = 16,
     .check = &check_address,
     .scope = config::Scope::host,
     .reload = config::Reload::live}};
const config::Option<bool> text_option{{.name = "reports.text",
                                        .otherwise = true,
                                        .reason = "keep what people write into a report, for valisectl reports alone",
                                        .scope = config::Scope::host,
                                        .reload = config::Reload::live}};
const config::Option<std::int64_t> keep_option{{.name = "reports.keep",
                                                .otherwise = 1'000,
                                                .reason = "of a host; older reports go",
                                                .min = 10,
                                                .max = 10'000,
                                                .reload = config::Reload::live}};
const config::Option<std::int64_t> per_day_option{
    {.name = "reports.per_day",
     .otherwise = 20,
     .reason = "of an account; what is beyond is recorded in the log only, and the block counts",
     .min = 1,
     .max = 1'000,
     .reload = config::Reload::live}};

void check(const config::Snapshot& snapshot, config::Findings& findings) {
  core::check_hosts_of(notify_option, snapshot, findings, &config::Findings::warning);
}

// Of an account: when it reported last, as long as it is in memory.
struct Recent final : core::Part {
  std::vector<std::int64_t> times_ms;  // of reports; loop time
};

class Reports final : public core::Module, public AbuseReports {
 public:
  explicit Reports(core::Shard& shard) : shard_(shard) {}

  void start(core::Registrar& registrar) override {
    slot_ = registrar.account_part();
    shard_.publish<AbuseReports>(*this);
  }

  void configure(const config::Snapshot& snapshot) override {
    keep_ = static_cast<std::size_t>(snapshot.get(keep_option));
    per_day_ = static_cast<std::size_t>(snapshot.get(per_day_option));
    hosts_.clear();
    for (const auto& host : snapshot.hosts()) {
      hosts_[host] = {.notify = snapshot.get(notify_option, host), .text = snapshot.get(text_option, host)};
    }
    core::warn_of_missing_accounts(shard_, snapshot, notify_option);
  }

  // AbuseReports
  [[nodiscard]] std::optional<Taken> take(core::Account& reporter, const std::string& reported,
                                          xml::Element element) override {
    auto report = read_report(element);
    if (!report) return std::nullopt;
    report->at_ms = last_ms_ = std::max(utc_now_ms(), last_ms_ + 1);  // names sort as the reports came
    report->reporter = reporter.jid.str();
    report->reported = reported;
    const std::string host(reporter.jid.domain());
    if (!hosts_[host].text) report->text.clear();
    Taken taken;
    taken.record.kind = core::audit::Kind::report;
    taken.record.recipient = reported.substr(0, reported.find('/'));
    taken.record.reason = report->reason;
    if (!report->messages.empty()) taken.record.stanza_id = report->messages.front();
    if (!may_report(reporter)) return taken;
    const auto name = fmt::format("{:013}-{}", report->at_ms, crypto::random_hex(4));
    taken.writes.emplace_back(
        storage::PutAccountData{host, storage::DataKind::abuse_report, {name, to_stored(*report)}});
    report->text.clear();
    taken.durable = [this, host, name, report = std::move(*report)] {
      notify(host, name, report);
      trim(host);
    };
    return taken;
  }

 private:
  struct HostOptions {
    std::vector<std::string> notify;
    bool text = true;
  };

  [[nodiscard]] bool may_report(core::Account& reporter) {
    auto& times = reporter.ensure_part<Recent>(slot_).times_ms;
    const auto now = shard_.loop().now_ms();
    std::erase_if(times, [&](std::int64_t at) { return at + day_ms <= now; });
    if (times.size() >= per_day_) return false;
    times.push_back(now);
    return true;
  }

  // Who reports whom and of which messages: the label, no letter.
  void notify(const std::string& host, const std::string& name, const Report& report) {
    const auto* settings = shard_.host(host);
    const bool french = settings != nullptr && settings->language == core::Language::french;
    std::string messages;
    for (const auto& id : report.messages) messages += (messages.empty() ? "" : ", ") + id;
    if (messages.empty()) messages = "–";
    const auto body = fmt::format(
        fmt::runtime(french
                         ? "Signalement {} : {} signale {} ({}). Messages : {}. Pour en savoir plus : valisectl reports"
                         : "Report {}: {} reports {} ({}). Messages: {}. For more: valisectl reports"),
        name, report.reporter, report.reported, report.reason, messages);
    std::string children;
    xml::Writer(children).element("body", {}, body);
    for (const auto& address : hosts_[host].notify) {
      auto to = core::Jid::parse(address);
      if (to) shard_.say(host, "normal", std::move(*to), children, [](bool) {});
    }
  }

  void trim(const std::string& host) {
    shard_.read([host](storage::Reader& reader) { return reader.account_data(host, storage::DataKind::abuse_report); },
                [this, host](const Result<std::vector<storage::AccountData>>& rows) {
                  if (!rows || rows->size() <= keep_) return;
                  auto unit = std::make_unique<core::Unit>();
                  for (std::size_t i = 0; i < rows->size() - keep_; ++i) {
                    unit->writes.emplace_back(
                        storage::RemoveAccountData{host, storage::DataKind::abuse_report, (*rows)[i].name});
                  }
                  unit->nobody_waits = true;
                  if (!shard_.commit(std::move(unit))) log::warning("reports", "old reports could not be removed now");
                });
  }

  core::Shard& shard_;
  unsigned slot_ = 0;
  std::size_t keep_ = 1'000;
  std::size_t per_day_ = 20;
  std::int64_t last_ms_ = 0;
  core::TextMap<HostOptions> hosts_;
};

}  // namespace
}  // namespace reports

const core::Manifest& reports_manifest() {
  static const core::Manifest manifest{
      .name = "reports",
      .summary = "Takes reports about those whom people block, for the administrators.",
      .implements = {{"XEP-0377", "0.4.1"}},
      .server_features = {reports::ns_reporting},
      .options =
          [](config::Registry& registry) {
            registry.add(reports::notify_option);
            registry.add(reports::text_option);
            registry.add(reports::keep_option);
            registry.add(reports::per_day_option);
          },
      .check = &reports::check,
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<reports::Reports>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
