// What an owner asks of his archive, before anything is read: XEP-0313 §4, §5, XEP-0441.
#include "base/log.hpp"
#include "modules/archive/module.hpp"

namespace valise::modules::archive {
namespace {

const core::StanzaError too_many{
    .type = core::StanzaError::Type::wait,
    .condition = "resource-constraint",
    .text = {"Too many archive queries at once.", "Trop de requêtes d’archive à la fois."}};

}  // namespace

void ArchiveModule::get_wishes(core::IqRequest request) { request.result(to_xml(wishes_of(*request.account()))); }

void ArchiveModule::get_form(core::IqRequest request) { request.result(query_form()); }

// Answered, and in force, when they are durable.
void ArchiveModule::set_wishes(core::IqRequest request) {
  auto wishes = read_wishes(request.payload());
  if (!wishes) return request.error(wishes.error());
  auto& account = *request.account();
  const auto bytes = sizeof request + 2 * request.stanza().memory();  // and what was read of it
  auto unit = std::make_unique<core::Unit>();
  unit->writes.emplace_back(storage::PutAccountData{
      account.jid.str(), storage::DataKind::archive, {std::string(wishes_row), to_xml(*wishes)}});
  unit->done = [this, &account, wishes = std::move(*wishes),
                request = std::move(request)](core::Unit& finished) mutable {
    if (!finished.outcome) return request.error(core::store_away);
    auto answer = to_xml(wishes);
    archive(account).wishes = std::move(wishes);
    request.result(std::move(answer));
  };
  shard_.commit_in_order(account, std::move(unit), bytes);
}

void ArchiveModule::metadata(core::IqRequest request) {
  shard_.read([owner = request.account()->jid.str()](storage::Reader& reader) { return read_metadata(reader, owner); },
              [request = std::move(request)](Result<std::string> found) mutable {
                if (!found) return request.error(core::store_away);
                request.result(std::move(*found));
              });
}

// XEP-0386 §3.2. Read when the session is there already: what is not among it by then, its client gets to know as every
// session does.
void ArchiveModule::metadata_at_bind(const std::string& owner, core::BoundAnswer say) {
  shard_.read([owner](storage::Reader& reader) { return read_metadata(reader, owner); },
              [say = std::move(say)](Result<std::string> found) mutable {
                if (!found) log::warning("archive", "an archive could not be read: {}", found.error().text);
                say(found ? std::move(*found) : std::string());
              });
}

void ArchiveModule::query(core::IqRequest request) {
  auto query = read_query(request.payload());
  if (!query) return request.error(query.error());
  auto* session = request.session();
  if (session == nullptr) return request.error(core::service_unavailable);  // results go to who asks
  auto& line = session->ensure_part<Line>(session_slot_);
  if (!line.busy) return begin(*session, std::move(request), std::move(*query));
  if (line.waiting.size() + 1 >= max_queries_) return request.error(too_many);
  line.waiting.push({std::move(request), std::move(*query)});
}

}  // namespace valise::modules::archive
