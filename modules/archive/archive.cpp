// XEP-0313: the manifest, and how an account's archive comes into memory.
#include "modules/archive/archive.hpp"

#include <charconv>
#include <ranges>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/options.hpp"
#include "core/namespaces.hpp"
#include "modules/archive/module.hpp"

namespace valise::modules {
namespace archive {
namespace {

const config::Choice<Default> default_option{
    {.name = "archive.default",
     .otherwise = "always",
     .reason = "whose messages are archived where a person has said nothing (XEP-0441); roster: of contacts",
     .scope = config::Scope::host,
     .reload = config::Reload::live,
     .needs = {{"archive.enabled"}}},
    {{"always", Default::always}, {"never", Default::never}, {"roster", Default::roster}}};
const config::Option<std::int64_t> keep_option{
    {.name = "archive.keep_days",
     .otherwise = 90,
     .reason = "days that messages stay in archives; 0: for ever. What waits for its delivery stays",
     .max = 36'500,
     .scope = config::Scope::host,
     .reload = config::Reload::live}};
const config::Option<bool> unsealed_option{
    {.name = "archive.show_unsealed",
     .otherwise = false,
     .reason = "where only sealed content passes, show what was archived while that was not so",
     .scope = config::Scope::host,
     .reload = config::Reload::live,
     .needs = {{"sealed.mode", "required"}, {"sealed.mode", "warn"}}}};
const config::Option<std::int64_t> queries_option{{.name = "limits.archive_queries",
                                                   .otherwise = 4,
                                                   .reason = "archive queries of a session that wait for their answer",
                                                   .min = 1,
                                                   .max = 64,
                                                   .reload = config::Reload::live}};

const core::StanzaError not_yours{
    .type = core::StanzaError::Type::auth,
    .condition = "forbidden",
    .text = {"An archive is its owner's alone.", "Une archive n’appartient qu’à son propriétaire."}};

// §8.1, said where the request begins, so that it tells nothing of whom it names.
core::Verdict keep_off(const core::Flow& flow) {
  const auto& iq = *flow.stanza;
  if (iq.type != "set" && iq.type != "get") return nullptr;
  if (!iq.to || !iq.to->has_local() || iq.to->same_bare(iq.from)) return nullptr;
  if (iq.payload().ns() != ns_mam) return nullptr;
  return core::make_refusal(not_yours, "archive-not-yours");
}

Result<std::unique_ptr<core::Part>> load(storage::Reader& reader, const std::string& jid) {
  auto part = std::make_unique<Archive>();
  const auto rows = reader.account_data(jid, storage::DataKind::archive);
  if (!rows) return std::unexpected(rows.error());
  for (const auto& row : *rows) {
    if (row.name == keep_row) {
      std::uint32_t days = 0;
      const auto* end = row.value.data() + row.value.size();
      if (std::from_chars(row.value.data(), end, days).ec == std::errc()) part->keep_days = days;
    } else if (row.name == wishes_row) {
      const auto document = xml::parse_element(row.value);
      auto wishes = document ? read_wishes(document->root()) : std::unexpected(core::StanzaError{});
      if (wishes) {
        part->wishes = std::move(*wishes);
      } else {
        log::error("archive", "the archiving preferences of an account are damaged");
      }
    }
  }
  // Clients re-send after a crash of the server, too.
  const auto since_ms = utc_now_ms() - Recent::window_ms;
  const auto since = since_ms <= IdGenerator::epoch_ms ? 0 : IdGenerator::first_of(since_ms);
  const auto newest = reader.newest_received(jid, since, Recent::most);
  if (!newest) return std::unexpected(newest.error());
  if (!part->wishes && !part->keep_days && newest->empty()) return nullptr;
  // The oldest first: it is the first to make room.
  for (const auto& row : *newest | std::views::reverse) {
    if (row.stanza_id.empty()) continue;
    part->recent.learn(offline::mark_of(row.from, row.to, row.stanza_id, row.digest), row.id);
  }
  return part;
}

}  // namespace

void ArchiveModule::start(core::Registrar& registrar) {
  using core::IqTarget;
  account_slot_ = registrar.account_part(load);
  session_slot_ = registrar.session_part();
  shard_.publish<core::Archives>(*this);
  registrar.at(core::Stage::policy_out, core::Kind::message, [this](core::Flow& flow) { return sent(flow); },
               {.before = {}, .after = {"policy"}});
  registrar.at(core::Stage::policy_in, core::Kind::message, [this](core::Flow& flow) { return received(flow); },
               {.before = {}, .after = {"policy", "offline"}});
  registrar.at(core::Stage::validate, core::Kind::iq, [](core::Flow& flow) { return keep_off(flow); });
  const auto own = [this, &registrar](const char* type, const char* name, auto handler) {
    registrar.iq(IqTarget::account, type, name, ns_mam, [this, handler](core::IqRequest request) {
      if (!request.from_owner()) return request.error(not_yours);
      if (!is_on(request.account()->jid.domain())) return request.error(core::service_unavailable);
      (this->*handler)(std::move(request));
    });
  };
  own("get", "prefs", &ArchiveModule::get_wishes);
  own("set", "prefs", &ArchiveModule::set_wishes);
  own("get", "metadata", &ArchiveModule::metadata);
  own("get", "query", &ArchiveModule::get_form);
  own("set", "query", &ArchiveModule::query);
  registrar.at_bind([this](core::Session& session, core::BoundAnswer say) {
    const auto& account = session.account.jid;
    if (!is_on(account.domain())) return say({});
    metadata_at_bind(account.str(), std::move(say));
  });
  if (shard_.index() == 0) sweep_later(first_sweep_ms);
}

void ArchiveModule::configure(const config::Snapshot& snapshot) {
  max_queries_ = static_cast<std::size_t>(snapshot.get(queries_option));
  hosts_.clear();
  for (const auto& host : snapshot.hosts()) {
    hosts_[host] = {.otherwise = snapshot.get(default_option, host),
                    .keep_days = static_cast<std::uint32_t>(snapshot.get(keep_option, host)),
                    .show_unsealed = snapshot.get(unsealed_option, host)};
  }
}

core::Features ArchiveModule::features(const std::string& host) const {
  if (!is_on(host)) return {};
  return {.server = {},
          .account = {ns_mam, "urn:xmpp:mam:2#extended", "urn:xmpp:mam:2#groupchat-field", core::ns::stanza_ids}};
}

const HostRules& ArchiveModule::rules(std::string_view host) const {
  static const HostRules none;
  const auto found = hosts_.find(host);
  return found == hosts_.end() ? none : found->second;
}

bool ArchiveModule::is_on(std::string_view domain) const {
  const auto* host = shard_.host(domain);
  return host != nullptr && host->archive;
}

Wishes ArchiveModule::wishes_of(const core::Account& account) const {
  return said(account).wishes.value_or(
      Wishes{.otherwise = rules(account.jid.domain()).otherwise, .always = {}, .never = {}});
}

}  // namespace archive

const core::Manifest& archive_manifest() {
  static const core::Manifest manifest{
      .name = "archive",
      .summary = "Keeps what an account sent and received, and shows it to its devices.",
      .implements = {{"XEP-0313", "1.1.3", core::Completeness::complete},
                     {"XEP-0441", "0.2.0", core::Completeness::complete},
                     {"XEP-0359", "0.7.0", core::Completeness::complete}},
      .options =
          [](config::Registry& registry) {
            registry.add(archive::default_option);
            registry.add(archive::keep_option);
            registry.add(archive::unsealed_option);
            registry.add(archive::queries_option);
          },
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<archive::ArchiveModule>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
