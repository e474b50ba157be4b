// What a command of valisectl is asked with, and how it asks the shards. Control threads.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/shard.hpp"
#include "main/app.hpp"
#include "main/reply.hpp"

namespace valise {

using Json = nlohmann::json;
using Answer = Result<Json>;
struct Request {
  App& app;
  const Json& json;
  const std::stop_token& stop;

  // Empty where there is none, or it is no text.
  [[nodiscard]] std::string text(const char* name) const;
};
using Command = Answer (*)(const Request&);
using NamedCommand = std::pair<std::string_view, Command>;
using AnswerReply = std::shared_ptr<Reply<Json>>;

constexpr auto control_patience = std::chrono::seconds(20);

// The JID of one of our accounts that is asked about, bare or full. Errors: invalid, not_found (the host).
[[nodiscard]] Result<core::Jid> local_jid(const Request& request);
// The same, bare.
[[nodiscard]] Result<core::Jid> local_account(const Request& request);
[[nodiscard]] std::unexpected<Error> no_account(const core::Jid& jid);
// Of a change of an account that was begun: {"jid": …} or its error.
void give(const AnswerReply& reply, const core::Jid& jid, const Result<>& done);

// Runs `work` on the account's home shard, with the account in memory, and waits for what it gives to the reply.
template <class Work>
Answer on_account(const Request& request, const core::Jid& jid, Work work) {
  auto reply = std::make_shared<Reply<Json>>();
  auto& shard = request.app.kernel().home(jid.bare());
  shard.post([&shard, jid, work = std::move(work), reply]() mutable {
    shard.with_account(jid, [&shard, work = std::move(work), reply](core::Account* account) mutable {
      if (account == nullptr) return reply->give(fail(ErrorCode::unavailable, "the store is away"));
      work(shard, *account, reply);
    });
  });
  return reply->wait(request.stop, control_patience);
}

// The same for an account that exists; of one that does not: not_found.
template <class Work>
Answer on_existing(const Request& request, const core::Jid& jid, Work work) {
  return on_account(
      request, jid,
      [work = std::move(work)](core::Shard& shard, core::Account& account, const AnswerReply& reply) mutable {
        if (!account.exists) return reply->give(no_account(account.jid));
        work(shard, account, reply);
      });
}

// What `part` gives on each shard, in their order.
template <class Part, class T = std::invoke_result_t<Part, core::Shard&>>
Result<std::vector<T>> on_all(const Request& request, Part part, std::chrono::seconds limit = control_patience) {
  std::vector<std::shared_ptr<Reply<T>>> replies;
  for (auto& shard : request.app.kernel().shards) {
    auto reply = replies.emplace_back(std::make_shared<Reply<T>>());
    shard->post([&shard, reply, part] { reply->give(part(*shard)); });
  }
  std::vector<T> parts;
  for (auto& reply : replies) {
    auto one = reply->wait(request.stop, limit);
    if (!one) return std::unexpected(one.error());
    parts.push_back(std::move(*one));
  }
  return parts;
}

}  // namespace valise
