#include "main/settings.hpp"

#include <filesystem>

#include "config/options.hpp"
#include "core/jid/domain.hpp"
#include "modules/labels/options.hpp"
#include "modules/omemo/table/options.hpp"

namespace valise {
namespace options = config::options;
namespace {

std::uint32_t count(const config::Snapshot& config, const config::Option<std::int64_t>& option) {
  return static_cast<std::uint32_t>(config.get(option));
}

core::HostSettings make_host(const config::Snapshot& config, const std::string& name) {
  core::HostSettings host;
  host.name = name;
  host.sealed = config.get(options::sealed_mode, name) != config::SealedMode::off;
  host.switches = modules::omemo::table::switches_of(config, name);
  host.labels = modules::labels::labels_of(config, name);
  const auto clients = config.get(options::tls_client_certificates, name);
  host.client_certificates = clients != config::ClientCertificates::off;
  host.only_certificates = clients == config::ClientCertificates::require;
  host.email_names = config.get(options::tls_client_names, name) == config::ClientNames::email;
  host.resume_location = config.get(options::resumption_location, name);
  host.archive = config.get(options::archive_enabled, name);
  host.password_minimum = config.get(options::accounts_password_minimum, name);
  host.language = config.get(options::default_language, name) == config::Language::fr ? core::Language::french
                                                                                      : core::Language::english;
  return host;
}

net::ClientCertificates client_certificates(const config::Snapshot& config, const std::string& host) {
  const auto mode = config.get(options::tls_client_certificates, host);
  if (mode == config::ClientCertificates::off) return {};
  return {.ca_file = config.get(options::tls_client_ca, host),
          .crl_file = config.get(options::tls_client_crl, host),
          .required = mode == config::ClientCertificates::require};
}

}  // namespace

Ref<const core::Settings> make_settings(const config::Snapshot& config) {
  auto settings = make_ref<core::Settings>();
  auto& s = *settings;
  for (const auto& host : config.hosts()) s.hosts.emplace(host, make_host(config, host));
  if (!config.hosts().empty()) s.default_host = config.hosts().front();
  s.audit = config.get(options::audit_enabled);
  s.limits_before_login = {.stanza = count(config, options::limits_stanza_before_login),
                           .token = count(config, options::limits_stanza_before_login),
                           .depth = count(config, options::limits_depth_before_login),
                           .attributes = count(config, options::limits_attributes_before_login),
                           .children = count(config, options::limits_children_before_login),
                           .namespaces = count(config, options::limits_namespaces_before_login)};
  s.limits = {.stanza = count(config, options::limits_stanza),
              .token = count(config, options::limits_attribute_length),
              .depth = count(config, options::limits_depth),
              .attributes = count(config, options::limits_attributes),
              .children = count(config, options::limits_children),
              .namespaces = count(config, options::limits_namespaces)};
  s.queue_bytes = static_cast<std::size_t>(config.get(options::limits_queue));
  s.memory_before_login = static_cast<std::size_t>(config.get(options::limits_memory_before_login));
  s.bytes_per_second = config.get(options::limits_rate);
  s.burst_bytes = config.get(options::limits_rate_burst);
  s.stanzas_per_second = config.get(options::limits_stanzas_per_s);
  s.burst_stanzas = config.get(options::limits_stanzas_burst);
  s.bytes_per_second_before_login = config.get(options::limits_rate_before_login);
  s.tls_timeout_ms = config.get(options::timeouts_tls) * 1000;
  s.login_timeout_ms = config.get(options::timeouts_login) * 1000;
  s.stanza_timeout_ms = config.get(options::timeouts_stanza) * 1000;
  s.stanza_timeout_before_login_ms = config.get(options::timeouts_stanza_before_login) * 1000;
  s.silence_ms = config.get(options::timeouts_ping) * 1000;
  s.answer_timeout_ms = config.get(options::timeouts_answer) * 1000;
  s.max_sessions = count(config, options::limits_resources);
  s.resumption_ms = config.get(options::timeouts_resumption) * 1000;
  s.max_unacknowledged = count(config, options::limits_unacknowledged);
  s.max_unacknowledged_bytes = static_cast<std::size_t>(config.get(options::limits_unacknowledged_bytes));
  s.max_detached_of_account = count(config, options::limits_detached_per_account);
  s.max_detached = count(config, options::limits_detached);
  s.max_offline = count(config, options::limits_offline);
  s.roster_items = count(config, options::limits_roster_items);
  s.roster_groups = count(config, options::limits_roster_groups);
  s.bad_logins_per_stream = count(config, options::limits_passwords_per_stream);
  s.bind_retries = count(config, options::limits_bind_retries);
  s.connections = count(config, options::limits_connections);
  s.connections_per_address = count(config, options::limits_connections_per_address);
  s.new_connections_per_second = count(config, options::limits_connections_new_per_s);
  s.unauthenticated = static_cast<std::uint32_t>(config.get(options::limits_connections) *
                                                 config.get(options::limits_unauthenticated) / 100);
  s.scram_iterations = count(config, options::scram_iterations);
  s.registrations_per_hour = count(config, options::limits_registrations_per_hour);
  return settings;
}

std::string state_folder(const config::Snapshot& config) {
  if (const auto& state = config.get(options::state_path); !state.empty()) return state;
  if (config.get(options::storage_backend) == config::Backend::mariadb) return "/var/lib/valise";
  return std::filesystem::path(config.get(options::storage_sqlite_path)).parent_path().string();
}

log::Level log_level(const config::Snapshot& config) {
  return static_cast<log::Level>(static_cast<int>(config.get(options::log_level)));
}

net::TlsSettings make_tls_settings(const config::Snapshot& config) {
  net::TlsSettings tls;
  tls.tls12 = config.get(options::tls_minimum) == config::TlsMinimum::v1_2;
  for (const auto& host : config.hosts()) {
    const auto& certificate = config.get(options::tls_certificate, host);
    const auto& key = config.get(options::tls_key, host);
    tls.hosts.push_back(
        {core::ascii_domain(host), certificate, key.empty() ? certificate : key, client_certificates(config, host)});
  }
  return tls;
}

Result<std::unique_ptr<storage::Store>> open_store(const config::Snapshot& config) {
  if (config.get(options::storage_backend) == config::Backend::sqlite) {
    return storage::open_sqlite({config.get(options::storage_sqlite_path)});
  }
  storage::MariadbOptions mariadb;
  mariadb.host = config.get(options::storage_mariadb_host);
  mariadb.port = static_cast<unsigned>(config.get(options::storage_mariadb_port));
  mariadb.unix_socket = config.get(options::storage_mariadb_socket);
  mariadb.user = config.get(options::storage_mariadb_user);
  mariadb.password_file = config.get(options::storage_mariadb_password_file);
  mariadb.database = config.get(options::storage_mariadb_database);
  mariadb.ca_file = config.get(options::storage_mariadb_ca);
  mariadb.cert_file = config.get(options::storage_mariadb_certificate);
  mariadb.key_file = config.get(options::storage_mariadb_key);
  return storage::open_mariadb(std::move(mariadb));
}

}  // namespace valise
