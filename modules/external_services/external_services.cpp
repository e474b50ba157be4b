#include "modules/external_services/external_services.hpp"

#include <algorithm>
#include <set>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/log.hpp"
#include "config/checks.hpp"
#include "config/findings.hpp"
#include "config/secret_file.hpp"
#include "core/shard.hpp"
#include "modules/external_services/credentials.hpp"
#include "modules/external_services/service_list.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace external_services {
namespace {

using core::IqTarget;
using core::StanzaError;

constexpr std::string_view ns_services = "urn:xmpp:extdisco:2";
constexpr std::size_t least_secret = 16;  // bytes
constexpr std::size_t max_types = 8;      // that one session may ask for and is told of

const config::Option<config::Strings> list_option{
    {.name = "external_services.list",
     .otherwise = {},
     .reason = "STUN and TURN servers for calls, \"turn:turn.example.org:3478?transport=udp\" (RFC 7064, RFC 7065)",
     .max = 32,
     .check = &check_service,
     .scope = config::Scope::host,
     .reload = config::Reload::live}};
const config::Option<std::string> secret_option{
    {.name = "external_services.secret_file",
     .otherwise = "",
     .reason = "file with the secret that the TURN servers share, at least 16 bytes; refused if others can read it. "
               "Empty: no credentials are given",
     .check = &config::check_absolute_path,
     .scope = config::Scope::host,
     .reload = config::Reload::live,
     .needs = {{"external_services.list"}}}};
const config::Option<std::int64_t> lifetime_option{{.name = "external_services.lifetime",
                                                    .otherwise = 12 * 3600,
                                                    .reason = "how long credentials for a TURN server are good",
                                                    .unit = config::Unit::seconds,
                                                    .min = 300,
                                                    .max = 7 * 24 * 3600,
                                                    .reload = config::Reload::live,
                                                    .needs = {{"external_services.secret_file"}}}};

const StanzaError bad_request{.type = StanzaError::Type::modify, .condition = "bad-request"};
const StanzaError no_credentials{.type = StanzaError::Type::cancel, .condition = "item-not-found"};

// Of a host. The secret is overwritten when it goes.
struct Offer {
  std::vector<Service> services;
  std::string secret;
  Offer() = default;
  Offer(const Offer&) = delete;
  Offer& operator=(const Offer&) = delete;
  ~Offer() { crypto::wipe(secret); }
};

// Of a session: the types that it has asked for, of which it is told.
struct Asked final : core::Part {
  std::set<std::string, std::less<>> types;
};

Result<std::string> read_secret(const std::string& file) {
  if (file.empty()) return std::string();
  auto secret = config::read_secret_file(file, 4'096);
  if (!secret) return fail(secret.error().code, "external_services.secret_file: " + secret.error().text);
  if (secret->size() >= least_secret) return secret;
  crypto::wipe(*secret);
  return fail(ErrorCode::invalid, "external_services.secret_file: " + file +
                                      ": the secret is too short, it has at least " + std::to_string(least_secret) +
                                      " bytes");
}

void check(const config::Snapshot& config, config::Findings& findings) {
  for (const auto& host : config.hosts()) {
    const auto& file = config.get(secret_option, host);
    auto secret = read_secret(file);
    if (!secret) {
      findings.error(secret_option, host, secret.error().text);
    } else {
      crypto::wipe(*secret);
    }
    const auto& list = config.get(list_option, host);
    const auto relay = std::ranges::find_if(list, [](const auto& uri) {
      const auto service = parse_service(uri);
      return service && service->is_relay();
    });
    if (file.empty() && relay != list.end()) {
      findings.warning(list_option, host,
                       "external_services.list: nobody gets credentials for " + *relay +
                           ", and a TURN server lets in nobody without; set external_services.secret_file");
    }
    if (!file.empty() && !list.empty() && relay == list.end()) {
      findings.warning(secret_option, host,
                       "external_services.secret_file has no effect: external_services.list names no TURN server");
    }
  }
}

class ExternalServices final : public core::Module {
 public:
  explicit ExternalServices(core::Shard& shard) : shard_(shard) {}

  void start(core::Registrar& registrar) override {
    session_slot_ = registrar.session_part();
    registrar.iq(IqTarget::server, "get", "services", ns_services,
                 [this](core::IqRequest request) { services(std::move(request)); });
    registrar.iq(IqTarget::server, "get", "credentials", ns_services,
                 [this](core::IqRequest request) { credentials(std::move(request)); });
  }

  void configure(const config::Snapshot& snapshot) override {
    lifetime_s_ = snapshot.get(lifetime_option);
    core::TextMap<Offer> now;
    for (const auto& host : snapshot.hosts()) {
      auto& offer = now[host];
      for (const auto& uri : snapshot.get(list_option, host)) {
        auto service = parse_service(uri);
        if (service) offer.services.push_back(std::move(*service));
      }
      auto secret = read_secret(snapshot.get(secret_option, host));
      if (secret) {
        offer.secret = std::move(*secret);
      } else {
        log::error("external_services", "{}", secret.error().text);  // it was checked: it changed since
      }
    }
    std::swap(offers_, now);
    push_changes(now);
  }

 private:
  [[nodiscard]] const Offer* offer_of(const std::string& host) const {
    const auto found = offers_.find(host);
    return found == offers_.end() ? nullptr : &found->second;
  }

  // §3: the attributes of a service. `action`: of a push.
  void write(xml::Writer& writer, const Service& service, const Offer& offer, const core::Jid& who,
             std::string_view action = {}) const {
    writer.open("service").attribute_if("action", action);
    writer.attribute("type", service.type).attribute("host", service.host).attribute("port", service.port);
    writer.attribute("transport", service.transport);
    if (service.is_relay() && !offer.secret.empty() && action != "delete") {
      const auto expires_s = utc_now_ns() / 1'000'000'000 + lifetime_s_;
      const auto made = make_credentials(offer.secret, who.bare(), expires_s);
      writer.attribute("restricted", "true").attribute("username", made.username);
      writer.attribute("password", made.password).attribute("expires", format_utc(expires_s * 1'000'000'000));
    }
    writer.close();
  }

  // §4.1, §4.2
  void services(core::IqRequest request) {
    const auto* offer = offer_of(request.host());
    const auto type = request.payload().attribute("type");
    if (auto* session = request.session(); session != nullptr && type) {
      auto& asked = session->ensure_part<Asked>(session_slot_).types;
      if (asked.size() < max_types && type->size() <= 32) asked.emplace(*type);
    }
    std::string out;
    xml::Writer writer(out);
    writer.open("services", ns_services);
    if (type) writer.attribute("type", *type);
    if (offer != nullptr) {
      for (const auto& service : offer->services) {
        if (!type || service.type == *type) write(writer, service, *offer, request.from());
      }
    }
    writer.close();
    request.result(std::move(out));
  }

  // §4.3
  void credentials(core::IqRequest request) {
    const auto* offer = offer_of(request.host());
    const auto wanted = request.payload().child("service", ns_services);
    const auto type = wanted.attribute_or_empty("type");
    const auto host = wanted.attribute_or_empty("host");
    if (type.empty() || host.empty()) return request.error(bad_request);
    const auto port = wanted.attribute("port");
    const auto transport = wanted.attribute("transport");
    std::string out;
    xml::Writer writer(out);
    writer.open("credentials", ns_services);
    bool any = false;
    if (offer != nullptr && !offer->secret.empty()) {
      for (const auto& service : offer->services) {
        if (service.type != type || service.host != host || !service.is_relay()) continue;
        if ((port && service.port != *port) || (transport && service.transport != *transport)) continue;
        write(writer, service, *offer, request.from());
        any = true;
      }
    }
    writer.close();
    if (!any) return request.error(no_credentials);
    request.result(std::move(out));
  }

  // §4.2: who has asked for a type is told what has changed of it.
  void push_changes(const core::TextMap<Offer>& before) {
    for (const auto& [name, account] : shard_.accounts()) {
      const auto* now = offer_of(std::string(account->jid.domain()));
      const auto old = before.find(account->jid.domain());
      if (now == nullptr || old == before.end()) continue;
      const bool new_secret = now->secret != old->second.secret;
      if (!new_secret && now->services == old->second.services) continue;
      const auto sessions = account->sessions;
      for (auto* session : sessions) {
        const auto* asked = session->part<Asked>(session_slot_);
        if (asked == nullptr) continue;
        for (const auto& type : asked->types) push(*session, type, old->second, *now, new_secret);
      }
    }
  }

  void push(core::Session& session, const std::string& type, const Offer& before, const Offer& now, bool new_secret) {
    std::string out;
    xml::Writer writer(out);
    writer.open("services", ns_services).attribute("type", type);
    bool any = false;
    const auto tell = [&](const Service& service, std::string_view action) {
      write(writer, service, now, session.jid, action);
      any = true;
    };
    for (const auto& service : before.services) {
      const bool stays = std::ranges::find(now.services, service) != now.services.end();
      if (service.type == type && !stays) tell(service, "delete");
    }
    for (const auto& service : now.services) {
      if (service.type != type) continue;
      const bool was = std::ranges::find(before.services, service) != before.services.end();
      if (!was) tell(service, "add");
      if (was && new_secret && service.is_relay()) tell(service, "modify");
    }
    writer.close();
    auto from = core::Jid::make({}, session.jid.domain());
    if (!any || !from) return;
    // Its answer says nothing.
    const auto id = "services-" + crypto::random_hex(8);
    shard_.deliver(session, core::make_iq("set", id, std::move(*from), session.jid, std::move(out)));
  }

  core::Shard& shard_;
  unsigned session_slot_ = 0;
  std::int64_t lifetime_s_ = 12 * 3600;
  core::TextMap<Offer> offers_;  // by host
};

}  // namespace
}  // namespace external_services

const core::Manifest& external_services_manifest() {
  static const core::Manifest manifest{
      .name = "external_services",
      .summary = "Names STUN and TURN servers for calls, with credentials that expire.",
      .implements = {{"XEP-0215", "1.0.0"}},
      .server_features = {external_services::ns_services},
      .options =
          [](config::Registry& registry) {
            registry.add(external_services::list_option);
            registry.add(external_services::secret_option);
            registry.add(external_services::lifetime_option);
          },
      .check = &external_services::check,
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<external_services::ExternalServices>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
