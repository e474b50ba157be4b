#include "main/control_groups.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "base/clock.hpp"
#include "config/nearest.hpp"
#include "modules/policy/in_force.hpp"
#include "modules/policy/stored_groups.hpp"

namespace valise {
namespace {

using modules::StoredGroups;
using policy::GroupInfo;
using policy::LiveSource;

constexpr std::size_t most_at_once = 1000;  // addresses of a request

// What the first shard knows: the groups of the rules, and those of the store.
struct Known {
  std::vector<GroupInfo> named;
  std::map<std::string, std::size_t> stored;  // how many members
  bool store_is_read = false;
};

Result<Known> known(const Request& request, std::chrono::seconds limit = control_patience) {
  auto reply = std::make_shared<Reply<Known>>();
  auto& shard = *request.app.kernel().shards.front();
  shard.post([&shard, reply] {
    Known out;
    if (const auto* rules = shard.service<modules::RulesInForce>()) out.named = rules->groups();
    const auto* groups = shard.service<StoredGroups>();
    if (const auto* stored = groups == nullptr ? nullptr : groups->stored()) {
      out.store_is_read = true;
      for (const auto& [name, members] : *stored) out.stored[name] = members.size();
    }
    reply->give(std::move(out));
  });
  return reply->wait(request.stop, limit);
}

bool is_silent(const LiveSource& source) { return source.is_silent(source.members->known().get(), steady_ms()); }

std::string_view what_holds(const LiveSource& source) {
  switch (source.when_silent) {
    case policy::WhenSilent::nobody:
      return "nobody is a member";
    case policy::WhenSilent::member:
      return "everybody is a member";
    case policy::WhenSilent::fail:
      break;
  }
  return "rules that ask fail, and refuse";
}

std::string time_or_never(std::int64_t utc_ms) { return utc_ms == 0 ? "never" : format_utc_ms(utc_ms); }

Json row_of(const GroupInfo& group) {
  return {{"name", group.name},
          {"from", "policy"},
          {"file", group.file},
          {"line", group.line},
          {"members", group.written.size()},
          {"includes", group.includes},
          {"state", "known"}};
}

Json row_of(const GroupInfo& group, const LiveSource& source) {
  const auto report = source.members->report();
  const bool silent = is_silent(source);
  Json row{{"name", group.name},
           {"from", source.search ? source.search->uri : "store"},
           {"file", group.file},
           {"line", group.line},
           {"members", report.members},
           {"state", silent ? "silent" : source.search && !report.error.empty() ? "kept" : "known"}};
  if (silent) row["holds"] = what_holds(source);
  if (!source.search) return row;
  row["answered"] = time_or_never(report.answered_ms);
  row["failed"] = time_or_never(report.failed_ms);
  row["failures"] = report.failures;
  row["last_error"] = report.error;
  row["left_out"] = report.left_out;
  row["silent_answers"] = source.members->silent();
  return row;
}

Answer group_list(const Request& request) {
  auto groups = known(request);
  if (!groups) return std::unexpected(groups.error());
  Json rows = Json::array();
  for (const auto& group : groups->named) {
    if (!group.written.empty() || !group.includes.empty() || group.sources.empty()) rows.push_back(row_of(group));
    for (const auto& source : group.sources) {
      rows.push_back(row_of(group, source));
      if (!source.search) groups->stored.erase(group.name);
    }
  }
  for (const auto& [name, members] : groups->stored) {
    rows.push_back({{"name", name}, {"from", "store"}, {"members", members}, {"state", "not in the policy"}});
  }
  return rows;
}

// With the nearest of those that there are.
std::unexpected<Error> no_group(const std::string& name, const Known& groups) {
  std::vector<std::string_view> names;
  for (const auto& group : groups.named) names.push_back(group.name);
  for (const auto& [stored, members] : groups.stored) names.push_back(stored);
  return fail(ErrorCode::not_found, fmt::format("there is no group \"{}\"{}", name, config::nearest_hint(name, names)));
}

// The members of the store alone: the policy need not name the group.
Result<std::vector<std::string>> stored_members(const Request& request, const std::string& name) {
  auto reply = std::make_shared<Reply<std::vector<std::string>>>();
  auto& shard = *request.app.kernel().shards.front();
  shard.post([&shard, name, reply] {
    const auto* groups = shard.service<StoredGroups>();
    const auto* stored = groups == nullptr ? nullptr : groups->stored();
    if (stored == nullptr) return reply->give(fail(ErrorCode::unavailable, "the store has not been read yet"));
    const auto found = stored->find(name);
    reply->give(found == stored->end() ? std::vector<std::string>()
                                       : std::vector<std::string>(found->second.begin(), found->second.end()));
  });
  return reply->wait(request.stop, control_patience);
}

Answer group_show(const Request& request) {
  const auto name = request.text("group");
  const auto groups = known(request);
  if (!groups) return std::unexpected(groups.error());
  const auto found = std::ranges::find(groups->named, name, &GroupInfo::name);
  if (found == groups->named.end() && !groups->stored.contains(name)) return no_group(name, *groups);
  Json rows = Json::array();
  const auto add = [&](const std::string& member, std::string_view from) {
    rows.push_back({{"member", member}, {"from", from}});
  };
  if (found != groups->named.end()) {
    for (const auto& one : found->written) add(one, "policy");
    for (const auto& one : found->includes) add("group " + one, "policy");
    for (const auto& source : found->sources) {
      const auto members = source.search ? source.members->known() : nullptr;
      if (!members) continue;
      const auto from = source.search->uri + (is_silent(source) ? " (silent: does not hold)" : "");
      for (const auto& one : members->addresses.texts()) add(one, from);
    }
  }
  const auto stored = stored_members(request, name);
  if (!stored) return std::unexpected(stored.error());
  for (const auto& one : *stored) add(one, "store");
  return rows;
}

Result<std::vector<std::string>> addresses_of(const Request& request) {
  const auto given = request.json.find("addresses");
  std::vector<std::string> out;
  if (given == request.json.end()) return out;
  const auto is_text = [](const Json& one) { return one.is_string(); };
  if (!given->is_array() || !std::ranges::all_of(*given, is_text)) {
    return fail(ErrorCode::invalid, "the addresses are no list of texts");
  }
  if (given->size() > most_at_once) {
    return fail(ErrorCode::limit, fmt::format("at most {} addresses at once", most_at_once));
  }
  for (const auto& one : *given) out.push_back(one.get<std::string>());
  return out;
}

// That a group is in the store does not make it part of a rule.
std::string notice_of(const std::string& name, const Known& groups) {
  std::vector<std::string_view> stored;
  for (const auto& group : groups.named) {
    const bool is_stored = std::ranges::any_of(group.sources, [](const auto& source) { return !source.search; });
    if (is_stored && group.name == name) return {};
    if (is_stored) stored.push_back(group.name);
  }
  return fmt::format("the policy has no group \"{}\" with stored = true{}", name, config::nearest_hint(name, stored));
}

Answer change(const Request& request, bool add) {
  auto addresses = addresses_of(request);
  if (!addresses) return std::unexpected(addresses.error());
  if (add && addresses->empty()) return fail(ErrorCode::invalid, "name the addresses that are to be members");
  const bool all = request.json.value("all", Json()) == Json(true);
  if (!add && addresses->empty() != all) return fail(ErrorCode::invalid, "name the addresses to take out, or say all");
  modules::GroupChange wanted{.add = add, .group = request.text("group"), .addresses = std::move(*addresses)};
  const auto name = wanted.group;
  auto reply = std::make_shared<Reply<Json>>();
  auto& shard = *request.app.kernel().shards.front();
  shard.post([&shard, wanted = std::move(wanted), reply]() mutable {
    auto* groups = shard.service<StoredGroups>();
    if (groups == nullptr) return reply->give(fail(ErrorCode::internal, "no groups"));
    if (!reply->begin()) return;
    const auto group = wanted.group;
    groups->change(std::move(wanted), [reply, group](Result<modules::GroupChanged> done) {
      if (!done) return reply->give(std::unexpected(done.error()));
      reply->give(Json{
          {"group", group}, {"changed", done->changed}, {"as_before", done->as_before}, {"members", done->members}});
    });
  });
  auto answer = reply->wait(request.stop, control_patience);
  if (!answer) return answer;
  if (const auto groups = known(request)) {
    if (auto notice = notice_of(name, *groups); !notice.empty()) (*answer)["notice"] = std::move(notice);
  }
  return answer;
}

Answer group_add(const Request& request) { return change(request, true); }
Answer group_remove(const Request& request) { return change(request, false); }

}  // namespace

Json silent_groups(const Request& request) {
  Json out = Json::object();
  const auto groups = known(request, std::chrono::seconds(2));
  if (!groups) return out;
  for (const auto& group : groups->named) {
    for (const auto& source : group.sources) {
      if (!is_silent(source)) continue;
      const auto report = source.members->report();
      auto text = source.search ? source.search->uri + " answered " : std::string("the store was read ");
      text += time_or_never(report.answered_ms);
      if (!report.error.empty()) text += "; " + report.error;
      out[group.name] = text + "; " + std::string(what_holds(source));
    }
  }
  return out;
}

std::span<const NamedCommand> group_commands() {
  static constexpr NamedCommand commands[] = {
      {"group.list", &group_list},
      {"group.show", &group_show},
      {"group.add", &group_add},
      {"group.remove", &group_remove},
  };
  return commands;
}

}  // namespace valise
