#include "modules/omemo/mode_options.hpp"

#include <fmt/core.h>

#include <set>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/nearest.hpp"
#include "config/options.hpp"
#include "core/shard.hpp"
#include "modules/omemo/table/options.hpp"

namespace valise::modules::omemo {
namespace {

using config::Need;

std::string check_moment(std::string_view text) {
  return moment_of(text) ? std::string()
                         : "takes a date, \"2027-03-01\" (its first moment), or \"2027-03-01T08:00:00+01:00\"";
}
std::string check_group(std::string_view text) {
  const auto group = parse_group(text);
  return group ? std::string() : group.error();
}
std::string check_exemption(std::string_view text) {
  const auto exemption = parse_exemption(text);
  return exemption ? std::string() : exemption.error();
}

enum class Between : std::uint8_t { same, required, warn, off };
const config::Choice<Between> between_option{
    {.name = "sealed.between_hosts",
     .otherwise = "same",
     .reason = "the mode for what accounts send to another host of this server; same: sealed.mode",
     .scope = config::Scope::host,
     .reload = config::Reload::live},
    {{"same", Between::same}, {"required", Between::required}, {"warn", Between::warn}, {"off", Between::off}}};
const config::Option<std::string> from_option{
    {.name = "sealed.from",
     .otherwise = "",
     .reason = "when \"required\" begins to hold, \"2027-03-01\"; until then it warns. Groups have their own dates",
     .check = &check_moment,
     .scope = config::Scope::host,
     .reload = config::Reload::live,
     .needs = {{"sealed.mode", "required"}, {"sealed.between_hosts", "required"}}}};
const config::Option<config::Strings> groups_option{
    {.name = "sealed.groups",
     .otherwise = {},
     .reason = "accounts with a mode of their own for what they send: NAME; MODE; MEMBERS, and ; until DATE if it "
               "ends. Members: addresses, * stands for any characters. The first that names an account holds",
     .max = 32,
     .check = &check_group,
     .scope = config::Scope::host,
     .reload = config::Reload::live}};
const std::vector<Need> anything_strict{{"sealed.mode", "required"},
                                        {"sealed.mode", "warn"},
                                        {"sealed.between_hosts", "required"},
                                        {"sealed.between_hosts", "warn"},
                                        {"sealed.groups"}};
const config::Option<config::Strings> exemptions_option{
    {.name = "sealed.exemptions",
     .otherwise = {},
     .reason = "accounts of services that can't seal: ACCOUNT; sends, receives or both; until DATE; REASON. Each use "
               "is recorded",
     .max = 64,
     .check = &check_exemption,
     .scope = config::Scope::host,
     .reload = config::Reload::live,
     .needs = anything_strict}};
enum class Rules : std::uint8_t { stricter, laxer };
const config::Choice<Rules> rules_option{
    {.name = "sealed.rules",
     .otherwise = "stricter",
     .reason = "what the rules of policy.file may ask for with Seal: more than the mode; laxer: less, too",
     .scope = config::Scope::host,
     .reload = config::Reload::live},
    {{"stricter", Rules::stricter}, {"laxer", Rules::laxer}}};

Mode mode_of(config::SealedMode mode) { return static_cast<Mode>(mode); }
static_assert(static_cast<int>(config::SealedMode::off) == static_cast<int>(Mode::off));

std::string_view domain_of(std::string_view member) { return member.substr(member.find('@') + 1); }

class Checker {
 public:
  Checker(const config::Snapshot& snapshot, config::Findings& findings, const std::string& host)
      : snapshot_(snapshot), findings_(findings), host_(host), modes_(host_modes(snapshot, host)) {}

  void run() {
    std::set<std::string, std::less<>> names;
    for (const auto& group : modes_.groups) {
      if (!names.insert(group.name).second) error(groups_option, fmt::format("two groups \"{}\"", group.name));
      for (const auto& member : group.members.all()) ours(groups_option, member);
      if (group.until_ms) over(groups_option, fmt::format("the group \"{}\"", group.name), *group.until_ms);
    }
    for (const auto& one : modes_.exemptions) {
      ours(exemptions_option, one.account);
      over(exemptions_option, fmt::format("the exemption of {}", one.account), one.until_ms);
    }
  }

 private:
  void error(const config::OptionBase& option, const std::string& text) {
    findings_.error(option, host_, fmt::format("{}: {}", option.name, text));
  }
  void ours(const config::OptionBase& option, const std::string& member) {
    const auto domain = domain_of(member);
    if (domain.find('*') != std::string_view::npos || snapshot_.has_host(domain)) return;
    const std::vector<std::string_view> hosts(snapshot_.hosts().begin(), snapshot_.hosts().end());
    error(option, fmt::format("\"{}\" is no account of one of this server's hosts{}", member,
                              config::nearest_hint(domain, hosts)));
  }
  void over(const config::OptionBase& option, const std::string& what, std::int64_t until_ms) {
    if (until_ms > now_ms_) return;
    findings_.warning(option, host_,
                      fmt::format("{}: {} expired at {} and does nothing: take it out, or give it a new date",
                                  option.name, what, format_utc_ms(until_ms)));
  }

  const config::Snapshot& snapshot_;
  config::Findings& findings_;
  const std::string& host_;
  const HostModes modes_;
  const std::int64_t now_ms_ = utc_now_ms();
};

}  // namespace

void add_mode_options(config::Registry& registry) {
  registry.add(between_option);
  registry.add(from_option);
  registry.add(groups_option);
  registry.add(exemptions_option);
  registry.add(rules_option);
}

void check_modes(const config::Snapshot& snapshot, config::Findings& findings) {
  for (const auto& host : snapshot.hosts()) Checker(snapshot, findings, host).run();
}

void warn_of_missing_exempt(core::Shard& shard, const config::Snapshot& snapshot) {
  std::set<std::string> told;  // those of all hosts stand in one line
  for (const auto& host : snapshot.hosts()) {
    for (const auto& one : host_modes(snapshot, host).exemptions) {
      auto jid = core::Jid::parse(one.account);
      const bool mine = jid && shard.kernel().home_index(jid->bare()) == shard.index();
      if (!mine || one.until_ms <= utc_now_ms() || !told.insert(one.account).second) continue;
      auto text = fmt::format("{}:{}: {}: there is no account {} (yet): whoever makes it is exempt", snapshot.path(),
                              snapshot.line(exemptions_option, host), exemptions_option.name, one.account);
      // A module's start is no place to ask the store.
      shard.post([&shard, jid = std::move(*jid), text = std::move(text)]() mutable {
        shard.with_account(jid, [text = std::move(text)](core::Account* account) {
          if (account != nullptr && !account->exists) log::warning("config", "{}", text);
        });
      });
    }
  }
}

HostModes host_modes(const config::Snapshot& snapshot, const std::string& host) {
  HostModes modes;
  modes.mode = mode_of(snapshot.get(config::options::sealed_mode, host));
  if (const auto between = snapshot.get(between_option, host); between != Between::same) {
    modes.between_hosts = static_cast<Mode>(static_cast<int>(between) - 1);
  }
  if (const auto& from = snapshot.get(from_option, host); !from.empty()) modes.from_ms = moment_of(from);
  for (const auto& text : snapshot.get(groups_option, host)) {
    if (auto group = parse_group(text)) modes.groups.push_back(std::move(*group));
  }
  for (const auto& text : snapshot.get(exemptions_option, host)) {
    if (auto exemption = parse_exemption(text)) modes.exemptions.push_back(std::move(*exemption));
  }
  modes.laxer_rules = snapshot.get(rules_option, host) == Rules::laxer;
  return modes;
}

std::string exceptions_of(const config::Snapshot& snapshot, const std::string& host) {
  std::string out;
  for (const config::OptionBase* option :
       {static_cast<const config::OptionBase*>(&between_option), static_cast<const config::OptionBase*>(&groups_option),
        static_cast<const config::OptionBase*>(&exemptions_option),
        static_cast<const config::OptionBase*>(&rules_option),
        static_cast<const config::OptionBase*>(&table::allow_option)}) {
    const auto& value = snapshot.value(*option, host);
    if (value != option->otherwise) out += fmt::format("{} = {}\n", option->name, config::show(value, option->unit));
  }
  return out;
}

}  // namespace valise::modules::omemo
