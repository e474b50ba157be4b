#include "main/control_request.hpp"

#include "main/control_hosts.hpp"

namespace valise {

std::string Request::text(const char* name) const {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<core::Jid> local_jid(const Request& request) {
  const auto jid = core::Jid::parse(request.text("jid"));
  if (!jid) return fail(ErrorCode::invalid, "not a JID: " + jid.error().text);
  if (!jid->has_local()) return fail(ErrorCode::invalid, "give the account as name@host");
  if (auto known = known_host(request.app, jid->domain()); !known) return std::unexpected(known.error());
  return *jid;
}

Result<core::Jid> local_account(const Request& request) {
  auto jid = local_jid(request);
  if (jid && !jid->is_bare()) return fail(ErrorCode::invalid, "give the account as name@host");
  return jid;
}

std::unexpected<Error> no_account(const core::Jid& jid) {
  return fail(ErrorCode::not_found, "there is no account " + jid.to_bare().str());
}

void give(const AnswerReply& reply, const core::Jid& jid, const Result<>& done) {
  if (done) return reply->give(Json{{"jid", jid.str()}});
  if (done.error().code == ErrorCode::not_found) return reply->give(no_account(jid));
  reply->give(std::unexpected(done.error()));
}

}  // namespace valise
