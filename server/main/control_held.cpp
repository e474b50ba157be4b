#include "main/control_held.hpp"

#include <limits>

#include "base/clock.hpp"
#include "modules/delay/delay.hpp"

namespace valise {
namespace {

constexpr std::size_t most_listed = 1000;

Answer held_list(const Request& request) {
  const auto name = request.text("jid");
  const auto jid = name.empty() ? Result<core::Jid>(core::Jid()) : local_account(request);
  if (!jid) return std::unexpected(jid.error());
  auto reader = request.app.store()->open_reader();
  if (!reader) return std::unexpected(reader.error());
  if (!name.empty()) {
    const auto account = (*reader)->account(jid->str());
    if (!account) return std::unexpected(account.error());
    if (!*account || storage::is_gone((*account)->state)) return no_account(*jid);
  }
  const auto held = name.empty() ? (*reader)->held_due(std::numeric_limits<std::int64_t>::max(), {}, most_listed)
                                 : (*reader)->held_of(jid->str(), 0, most_listed);
  if (!held) return std::unexpected(held.error());
  Json rows = Json::array();
  for (const auto& message : *held) {
    rows.push_back({{"due", format_utc_ms(message.due_ms)},
                    {"sent", format_utc_ms(IdGenerator::utc_ms(message.id))},
                    {"for", message.owner},
                    {"from", message.from},
                    {"id", message.stanza_id},
                    {"rule", message.rule}});
  }
  return rows;
}

Answer held_release(const Request& request) {
  const auto jid = local_account(request);
  if (!jid) return std::unexpected(jid.error());
  auto reader = request.app.store()->open_reader();
  if (!reader) return std::unexpected(reader.error());
  const auto held = (*reader)->held_of(jid->str(), 0, std::numeric_limits<std::int32_t>::max());
  if (!held) return std::unexpected(held.error());
  auto answer = on_existing(
      request, *jid, [count = held->size()](core::Shard& shard, core::Account& account, const AnswerReply& reply) {
        if (count == 0) return reply->give(fail(ErrorCode::not_found, "nothing is held back for " + account.jid.str()));
        if (!reply->begin()) return;
        auto& first = *shard.kernel().shards.front();
        first.post([&first, jid = account.jid, reply] {
          auto* held = first.service<modules::HeldMessages>();
          if (held == nullptr) return reply->give(fail(ErrorCode::internal, "nothing is held back here"));
          held->release(jid, [jid, reply](Result<> done) { give(reply, jid, done); });
        });
      });
  if (answer) (*answer)["released"] = held->size();
  return answer;
}

}  // namespace

std::string held_until(const Request& request) {
  auto reply = std::make_shared<Reply<std::int64_t>>();
  auto& first = *request.app.kernel().shards.front();
  first.post([&first, reply] {
    const auto* held = first.service<modules::HeldMessages>();
    reply->give(held == nullptr ? 0 : held->next_due_ms());
  });
  const auto due_ms = reply->wait(request.stop, std::chrono::seconds(2));
  return due_ms && *due_ms > 1 ? format_utc_ms(*due_ms) : std::string();
}

std::span<const NamedCommand> held_commands() {
  static constexpr NamedCommand commands[] = {
      {"held.list", &held_list},
      {"held.release", &held_release},
  };
  return commands;
}

}  // namespace valise
