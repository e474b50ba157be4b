// The kernel's own options. Modules declare theirs beside their code.
#pragma once

#include <span>
#include <vector>

#include "config/findings.hpp"
#include "config/option.hpp"
#include "config/registry.hpp"

namespace valise::config {

enum class Backend : std::uint8_t { sqlite, mariadb };
enum class SealedMode : std::uint8_t { required, warn, off };
enum class ClientCertificates : std::uint8_t { off, ask, require };
enum class ClientNames : std::uint8_t { xmpp, email };
enum class TlsMinimum : std::uint8_t { v1_2, v1_3 };
enum class ProxyField : std::uint8_t { x_forwarded_for, forwarded };
enum class Language : std::uint8_t { fr, en };
enum class LogLevel : std::uint8_t { debug, info, warning, error };

namespace options {

// -- process
extern const Option<std::int64_t> shards, node;
extern const Option<std::string> run_user, run_chroot, run_pid_file;
extern const Choice<LogLevel> log_level;
extern const Option<std::string> log_file;
extern const Choice<Language> default_language;
// -- network
extern const Option<Strings> listen_c2s, listen_c2s_tls, listen_https, listen_http;
// Those four: each address in them is a port that clients reach.
[[nodiscard]] std::span<const Option<Strings>* const> listeners() noexcept;
extern const Option<std::string> listen_control;
extern const Option<std::string> tls_certificate, tls_key;
extern const Choice<TlsMinimum> tls_minimum;
extern const Choice<ClientCertificates> tls_client_certificates;
extern const Choice<ClientNames> tls_client_names;
extern const Option<std::string> tls_client_ca, tls_client_crl;
// -- browsers
extern const Option<Strings> http_proxies, http_origins;
extern const Choice<ProxyField> http_proxy_field;
extern const Option<std::string> http_url;
// -- store
extern const Choice<Backend> storage_backend;
extern const Option<std::string> storage_sqlite_path;
extern const Option<std::string> state_path;
extern const Option<std::string> storage_mariadb_host, storage_mariadb_socket, storage_mariadb_user,
    storage_mariadb_password_file, storage_mariadb_database, storage_mariadb_ca, storage_mariadb_certificate,
    storage_mariadb_key;
extern const Option<std::int64_t> storage_mariadb_port, storage_read_threads;
// -- record and commit
extern const Option<bool> audit_enabled;
extern const Option<std::string> audit_path;
extern const Option<std::int64_t> audit_segment;
extern const Option<std::int64_t> commit_gather_us, commit_queue, commit_queue_bytes;
// -- features that the kernel itself asks about
extern const Choice<SealedMode> sealed_mode;
extern const Option<bool> archive_enabled;
extern const Option<std::string> resumption_location;
extern const Option<std::string> policy_file;
extern const Option<std::int64_t> accounts_password_minimum;
extern const Option<std::int64_t> scram_iterations;
extern const Option<Strings> scram_mechanisms;
// -- limits (docs/security.md §3)
extern const Option<std::int64_t> limits_stanza_before_login, limits_depth_before_login, limits_attributes_before_login,
    limits_children_before_login, limits_namespaces_before_login, limits_rate_before_login, limits_memory_before_login;
extern const Option<std::int64_t> limits_stanza, limits_depth, limits_attributes, limits_attribute_length,
    limits_children, limits_namespaces, limits_rate, limits_rate_burst, limits_stanzas_per_s, limits_stanzas_burst;
extern const Option<std::int64_t> limits_queue, limits_connections, limits_connections_per_address,
    limits_connections_new_per_s, limits_unauthenticated, limits_memory;
extern const Option<std::int64_t> limits_registrations_per_hour, limits_passwords_per_stream,
    limits_passwords_per_account;
extern const Option<std::int64_t> limits_bind_retries, limits_resources, limits_unacknowledged,
    limits_unacknowledged_bytes, limits_detached_per_account, limits_detached, limits_offline, limits_roster_items,
    limits_roster_groups, limits_blocked, limits_private;
extern const Option<std::int64_t> limits_nodes, limits_node_items, limits_item, omemo_max_devices;
// -- times
extern const Option<std::int64_t> timeouts_tls, timeouts_login, timeouts_stanza, timeouts_stanza_before_login,
    timeouts_ping, timeouts_answer, timeouts_resumption, timeouts_bosh_wait, timeouts_bosh_inactivity,
    timeouts_bosh_pause, timeouts_shutdown;

}  // namespace options

// All of the above, to be added to the registry.
[[nodiscard]] const std::vector<const OptionBase*>& kernel_options();

// What no single option can show to be wrong: a database without its name, a host without a certificate, a key that
// others can read; and what is set but does nothing. Run it after load; `--check-config` too.
[[nodiscard]] Findings check_together(const Snapshot& snapshot);

}  // namespace valise::config
