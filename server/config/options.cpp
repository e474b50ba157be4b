#include "config/options.hpp"

#include "config/checks.hpp"

namespace valise::config {
namespace options {
namespace {

using Number = Declaration<std::int64_t>;
using Text = Declaration<std::string>;
using List = Declaration<Strings>;
using Flag = Declaration<bool>;
using Name = Declaration<std::string_view>;

Number count(std::string_view name, std::int64_t otherwise, std::int64_t min, std::int64_t max,
             std::string_view reason) {
  return {.name = name, .otherwise = otherwise, .reason = reason, .min = min, .max = max, .reload = Reload::live};
}
Number bytes(std::string_view name, std::int64_t otherwise, std::int64_t min, std::int64_t max,
             std::string_view reason) {
  auto d = count(name, otherwise, min, max, reason);
  d.unit = Unit::bytes;
  return d;
}
Number time(std::string_view name, std::int64_t otherwise, std::int64_t max, std::string_view reason) {
  auto d = count(name, otherwise, 1, max, reason);
  d.unit = Unit::seconds;
  return d;
}
Number rate(Number d, Unit unit) {
  d.unit = unit;
  return d;
}
Text path(std::string_view name, std::string otherwise, std::string_view reason) {
  return {.name = name, .otherwise = std::move(otherwise), .reason = reason, .check = &check_absolute_path};
}
Text text(std::string_view name, std::string otherwise, std::string_view reason) {
  return {.name = name, .otherwise = std::move(otherwise), .reason = reason};
}
template <class T>
Declaration<T> needing(Declaration<T> d, std::vector<Need> needs) {
  d.needs = std::move(needs);
  return d;
}
const std::vector<Need> web_listeners{{"listen.https"}, {"listen.http"}};
const std::vector<Need> mariadb{{"storage.backend", "mariadb"}};

}  // namespace

// ---- process
const Option<std::int64_t> shards{
    {.name = "shards", .otherwise = 0, .reason = "threads that serve accounts; 0: one a core", .max = 256}};
const Option<std::int64_t> node{{.name = "node",
                                 .otherwise = 0,
                                 .reason = "number of this machine within every id it makes: never the same on two",
                                 .max = 1023}};
const Option<std::string> run_user{text("run.user", "", "user to become after the ports are open; empty: stay")};
const Option<std::string> run_chroot{path("run.chroot", "", "folder to lock the process into; empty: none")};
const Option<std::string> run_pid_file{path("run.pid_file", "", "file for the process id; empty: none")};
const Choice<LogLevel> log_level{
    Name{.name = "log.level",
         .otherwise = "info",
         .reason = "least important line that is written",
         .reload = Reload::live},
    {{"debug", LogLevel::debug}, {"info", LogLevel::info}, {"warning", LogLevel::warning}, {"error", LogLevel::error}}};
const Option<std::string> log_file{path("log.file", "", "operational log; empty: standard error, for the journal")};
const Choice<Language> default_language{Name{.name = "default_language",
                                             .otherwise = "fr",
                                             .reason = "language of texts for streams that name neither",
                                             .scope = Scope::host,
                                             .reload = Reload::live},
                                        {{"fr", Language::fr}, {"en", Language::en}}};

// ---- network
const Option<Strings> listen_c2s{List{
    .name = "listen.c2s",
    .otherwise = {"*:5222", "[::]:5222"},
    .reason = "addresses for clients that start with STARTTLS (RFC 6120); * is 0.0.0.0, all of IPv4; [::] all of IPv6",
    .check = &check_listen_address}};
const Option<Strings> listen_c2s_tls{List{.name = "listen.c2s_tls",
                                          .otherwise = {},
                                          .reason = "addresses for clients with direct TLS (XEP-0368)",
                                          .check = &check_listen_address}};
const Option<Strings> listen_https{
    List{.name = "listen.https",
         .otherwise = {},
         .reason = "addresses for browsers, with TLS: WebSocket, BOSH, host-meta; empty: none",
         .check = &check_listen_address}};
const Option<Strings> listen_http{
    List{.name = "listen.http",
         .otherwise = {},
         .reason = "the same without TLS, for a reverse proxy on this machine: http.proxies are heard and nobody else",
         .check = &check_loopback_address}};
std::span<const Option<Strings>* const> listeners() noexcept {
  static constexpr const Option<Strings>* all[] = {&listen_c2s, &listen_c2s_tls, &listen_https, &listen_http};
  return all;
}
const Option<std::string> listen_control{
    path("listen.control", "/run/valise/control", "Unix socket of valisectl; who may open it administers the server")};
const Option<std::string> tls_certificate{Text{.name = "tls.certificate",
                                               .reason = "PEM chain of the host, own certificate first",
                                               .check = &check_absolute_path,
                                               .scope = Scope::host,
                                               .reload = Reload::live}};
const Option<std::string> tls_key{
    Text{.name = "tls.key",
         .reason = "PEM key; empty: it stands in the certificate's file. Refused if others can read it",
         .check = &check_absolute_path,
         .scope = Scope::host,
         .reload = Reload::live}};
const Choice<TlsMinimum> tls_minimum{
    Name{.name = "tls.minimum",
         .otherwise = "1.2",
         .reason = "oldest TLS that is accepted; 1.2 with ECDHE and AEAD only (ANSSI SDE-NT-35)",
         .reload = Reload::live},
    {{"1.2", TlsMinimum::v1_2}, {"1.3", TlsMinimum::v1_3}}};
const Choice<ClientCertificates> tls_client_certificates{
    Name{.name = "tls.client_certificates",
         .otherwise = "off",
         .reason =
             "log-in with a client's certificate, a smart card for example (XEP-0178); require: nothing else opens "
             "an account. Where it is not off, TLS sessions are not resumed",
         .scope = Scope::host,
         .reload = Reload::live},
    {{"off", ClientCertificates::off}, {"ask", ClientCertificates::ask}, {"require", ClientCertificates::require}}};
const Option<std::string> tls_client_ca{
    Text{.name = "tls.client_ca",
         .reason = "PEM of the authorities whose client certificates are valid: nobody else is trusted",
         .check = &check_absolute_path,
         .scope = Scope::host,
         .reload = Reload::live,
         .needs = {{"tls.client_certificates"}}}};
const Option<std::string> tls_client_crl{Text{
    .name = "tls.client_crl",
    .reason = "PEM of their revocation lists, read again at each reload; empty: none. Whom no list in force speaks "
              "about is refused",
    .check = &check_absolute_path,
    .scope = Scope::host,
    .reload = Reload::live,
    .needs = {{"tls.client_certificates"}}}};
const Choice<ClientNames> tls_client_names{
    Name{.name = "tls.client_names",
         .otherwise = "xmpp",
         .reason = "what in a certificate names the account: the XMPP address; email: where there is none, the mail "
                   "address, if it is an account's",
         .scope = Scope::host,
         .reload = Reload::live,
         .needs = {{"tls.client_certificates"}}},
    {{"xmpp", ClientNames::xmpp}, {"email", ClientNames::email}}};

// ---- browsers
const Option<Strings> http_proxies{List{
    .name = "http.proxies",
    .otherwise = {},
    .reason = "networks of reverse proxies whose word about a client's address counts: \"127.0.0.1\", \"10.1.0.0/16\"",
    .max = 64,
    .check = &check_network,
    .reload = Reload::live,
    .needs = web_listeners}};
const Choice<ProxyField> http_proxy_field{
    Name{.name = "http.proxy_field",
         .otherwise = "x-forwarded-for",
         .reason = "field in which they say it: forwarded is RFC 7239. They must set it themselves in every request",
         .reload = Reload::live,
         .needs = {{"http.proxies"}}},
    {{"x-forwarded-for", ProxyField::x_forwarded_for}, {"forwarded", ProxyField::forwarded}}};
const Option<Strings> http_origins{
    List{.name = "http.origins",
         .otherwise = {},
         .reason = "origins of web pages that may log in here, besides the host's own and http.url; \"*\": all",
         .max = 64,
         .check = &check_origin,
         .scope = Scope::host,
         .reload = Reload::live,
         .needs = web_listeners}};
const Option<std::string> http_url{
    Text{.name = "http.url",
         .reason = "where browsers reach the host, \"https://chat.example.org\"; empty: https://HOST, with the port of "
                   "listen.https where no proxy is declared",
         .check = &check_web_address,
         .scope = Scope::host,
         .reload = Reload::live,
         .needs = web_listeners}};

// ---- store
const Choice<Backend> storage_backend{
    Name{.name = "storage.backend", .otherwise = "sqlite", .reason = "embedded file or a MariaDB server"},
    {{"sqlite", Backend::sqlite}, {"mariadb", Backend::mariadb}}};
const Option<std::string> storage_sqlite_path{needing(
    path("storage.sqlite.path", "/var/lib/valise/valise.db", "database file"), {{"storage.backend", "sqlite"}})};
const Option<std::string> state_path{path("state.path", "",
                                          "folder of the server's own secrets, made with mode 0700 if it is missing; "
                                          "empty: beside the SQLite file, or /var/lib/valise with MariaDB")};
const Option<std::string> storage_mariadb_host{
    needing(text("storage.mariadb.host", "", "server's name as in its certificate; TLS is enforced"), mariadb)};
const Option<std::int64_t> storage_mariadb_port{{.name = "storage.mariadb.port",
                                                 .otherwise = 3306,
                                                 .reason = "server's port",
                                                 .min = 1,
                                                 .max = 65535,
                                                 .needs = mariadb}};
const Option<std::string> storage_mariadb_socket{
    needing(path("storage.mariadb.socket", "", "Unix socket instead of host and port, on the same machine"), mariadb)};
const Option<std::string> storage_mariadb_user{
    needing(text("storage.mariadb.user", "valise", "database user"), mariadb)};
const Option<std::string> storage_mariadb_password_file{needing(
    path("storage.mariadb.password_file", "", "file with the password alone; refused if others can read it"), mariadb)};
const Option<std::string> storage_mariadb_database{
    needing(text("storage.mariadb.database", "valise", "database name"), mariadb)};
const Option<std::string> storage_mariadb_ca{
    needing(path("storage.mariadb.ca", "",
                 "PEM of the private CA that signed the server's certificate: nothing else is trusted"),
            mariadb)};
const Option<std::string> storage_mariadb_certificate{
    needing(path("storage.mariadb.certificate", "", "client certificate"), mariadb)};
const Option<std::string> storage_mariadb_key{needing(path("storage.mariadb.key", "", "its key"), mariadb)};
const Option<std::int64_t> storage_read_threads{{.name = "storage.read_threads",
                                                 .otherwise = 4,
                                                 .reason = "threads, each with a connection, that read for the shards",
                                                 .min = 1,
                                                 .max = 64}};

// ---- record and commit
const Option<bool> audit_enabled{Flag{.name = "audit.enabled",
                                      .otherwise = true,
                                      .reason = "write the metadata record; off only for benchmarks and test suites"}};
const Option<std::string> audit_path{
    needing(path("audit.path", "/var/lib/valise/audit", "folder of the record"), {{"audit.enabled"}})};
const Option<std::int64_t> audit_segment{{.name = "audit.segment",
                                          .otherwise = 64 * MiB,
                                          .reason = "size at which a file of the record is closed and the next begun",
                                          .unit = Unit::bytes,
                                          .min = 4 * KiB,
                                          .max = 4 * GiB,
                                          .needs = {{"audit.enabled"}}}};
const Option<std::int64_t> commit_gather_us{{.name = "commit.gather_us",
                                             .otherwise = 2000,
                                             .reason = "longest wait for a fuller batch, and only under load",
                                             .unit = Unit::microseconds,
                                             .max = 20'000}};
const Option<std::int64_t> commit_queue{
    {.name = "commit.queue",
     .otherwise = 65'536,
     .reason = "units that may wait for the store; above it senders get resource-constraint",
     .min = 16,
     .max = 10'000'000}};
const Option<std::int64_t> commit_queue_bytes{{.name = "commit.queue_bytes",
                                               .otherwise = 256 * MiB,
                                               .reason = "the same in bytes",
                                               .unit = Unit::bytes,
                                               .min = MiB,
                                               .max = 64 * GiB}};

// ---- features
const Choice<SealedMode> sealed_mode{
    Name{.name = "sealed.mode",
         .otherwise = "required",
         .reason = "required: only OMEMO content passes; warn: what people send each other is delivered all the same, "
                   "and they are told; off: an ordinary server, for conformance suites",
         .scope = Scope::host,
         .reload = Reload::live},
    {{"required", SealedMode::required}, {"warn", SealedMode::warn}, {"off", SealedMode::off}}};
const Option<bool> archive_enabled{
    Flag{.name = "archive.enabled",
         .otherwise = true,
         .reason = "keep messages for their sender and recipient, whose devices can ask for them (XEP-0313)",
         .scope = Scope::host,
         .reload = Reload::live}};
const Option<std::string> resumption_location{Text{
    .name = "resumption.location",
    .otherwise = "",
    .reason =
        "host:port that a client is told to come back to after a cut (XEP-0198), \"xmpp.example.org:5222\"; empty: "
        "as it came",
    .check = &check_host_port,
    .scope = Scope::host,
    .reload = Reload::live,
    .needs = {{"timeouts.resumption"}}}};
const Option<std::string> policy_file{Text{.name = "policy.file",
                                           .reason = "Lua file of rules; empty: the stock policy that is compiled in",
                                           .check = &check_absolute_path,
                                           .reload = Reload::live}};
const Option<std::int64_t> accounts_password_minimum{
    {.name = "accounts.password_minimum",
     .otherwise = 8,
     .reason = "characters that a new password has at least, whoever gives it; those that are there stay good",
     .min = 1,
     .max = 128,
     .scope = Scope::host,
     .reload = Reload::live}};
const Option<std::int64_t> scram_iterations{
    {.name = "scram.iterations",
     .otherwise = 10'000,
     .reason = "PBKDF2 rounds of new passwords: the client pays for them at each log-in (RFC 7677 §4)",
     .min = 4096,
     .max = 1'000'000,
     .reload = Reload::live}};
const Option<Strings> scram_mechanisms{List{
    .name = "scram.mechanisms",
    .otherwise = {"SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"},
    .reason = "offered at log-in; SCRAM also as -PLUS where the TLS session allows. PLAIN, which shows the server the "
              "password, only for clients that know nothing better (RFC 6120 §13.8.3)",
    .min = 1,
    .allowed = {"SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"}}};

// ---- limits before log-in
const Option<std::int64_t> limits_stanza_before_login{
    bytes("limits.stanza_before_login", 10'240, 10'000, 64 * KiB,
          "one element before log-in; 10,000 is the floor of RFC 6120 §13.12")};
const Option<std::int64_t> limits_depth_before_login{
    count("limits.depth_before_login", 8, 4, 64, "nesting before log-in")};
const Option<std::int64_t> limits_attributes_before_login{
    count("limits.attributes_before_login", 16, 8, 64, "attributes of an element before log-in")};
const Option<std::int64_t> limits_children_before_login{
    count("limits.children_before_login", 64, 8, 10'000, "child elements before log-in")};
const Option<std::int64_t> limits_namespaces_before_login{
    count("limits.namespaces_before_login", 16, 4, 64, "namespace declarations in scope before log-in")};
const Option<std::int64_t> limits_rate_before_login{rate(
    bytes("limits.rate_before_login", 8 * KiB, KiB, MiB, "bytes a second that are read before log-in"), Unit::bytes)};
const Option<std::int64_t> limits_memory_before_login{
    bytes("limits.memory_before_login", 64 * KiB, 64 * KiB, 16 * MiB,
          "what a connection may make the server keep before log-in, beside TLS: what it sent, what it does not read")};
// ---- limits after log-in
const Option<std::int64_t> limits_stanza{bytes("limits.stanza", 256 * KiB, 10'240, 16 * MiB,
                                               "one stanza; above it is bounced, above twice that the stream ends")};
const Option<std::int64_t> limits_depth{
    count("limits.depth", 64, 16, 512, "nesting; above it a stanza is bounced, above twice that the stream ends")};
const Option<std::int64_t> limits_attributes{count("limits.attributes", 64, 16, 1024, "attributes of an element")};
const Option<std::int64_t> limits_attribute_length{
    bytes("limits.attribute_length", 8 * KiB, 3 * KiB, 64 * KiB,
          "one start tag with its attributes; a full JID has up to 3,071 bytes")};
const Option<std::int64_t> limits_children{count("limits.children", 10'000, 64, 1'000'000, "elements in a stanza")};
const Option<std::int64_t> limits_namespaces{
    count("limits.namespaces", 64, 16, 1024, "namespace declarations in scope")};
const Option<std::int64_t> limits_rate{
    bytes("limits.rate", 64 * KiB, KiB, GiB, "bytes a second that are read from a session, above the burst")};
const Option<std::int64_t> limits_rate_burst{bytes("limits.rate_burst", MiB, 64 * KiB, 4 * GiB, "the burst")};
const Option<std::int64_t> limits_stanzas_per_s{
    rate(count("limits.stanzas_per_s", 50, 1, 10'000'000, "stanzas a second of a session, above the burst"),
         Unit::per_second)};
const Option<std::int64_t> limits_stanzas_burst{count("limits.stanzas_burst", 500, 10, 10'000'000, "the burst")};
// ---- limits on connections
const Option<std::int64_t> limits_queue{
    bytes("limits.queue", MiB, 64 * KiB, 256 * MiB,
          "what a client that does not read may make the server keep, unsent bytes and messages; then the session "
          "ends")};
const Option<std::int64_t> limits_connections{
    count("limits.connections", 200'000, 16, 10'000'000, "connections in all; descriptors are a lower bound")};
const Option<std::int64_t> limits_connections_per_address{
    count("limits.connections_per_address", 100, 1, 1'000'000, "connections from one IPv4 address or IPv6 /64")};
const Option<std::int64_t> limits_connections_new_per_s{
    rate(count("limits.connections_new_per_s", 20, 1, 1'000'000, "new connections from one IPv4 address or IPv6 /64"),
         Unit::per_second)};
const Option<std::int64_t> limits_unauthenticated{
    rate(count("limits.unauthenticated", 10, 1, 100, "share of limits.connections that may be without log-in"),
         Unit::percent)};
const Option<std::int64_t> limits_memory{bytes(
    "limits.memory", 0, 0, 16 * 1024 * GiB,
    "resident memory of the process; at 80 % who has not logged in is ended, the oldest first; at 80 % without them "
    "nobody is let in, at 90 % contacts' presence is left out; 0: what the service (cgroup) or the machine has")};
const Option<std::int64_t> limits_registrations_per_hour{
    rate(count("limits.registrations_per_hour", 5, 1, 1'000'000,
               "new accounts from one network, where registration.enabled allows any"),
         Unit::per_hour)};
const Option<std::int64_t> limits_passwords_per_stream{
    count("limits.passwords_per_stream", 5, 1, 100, "wrong passwords before the stream ends")};
const Option<std::int64_t> limits_passwords_per_account{
    {.name = "limits.passwords_per_account",
     .otherwise = 20,
     .reason = "wrong passwords an hour before answers to the guessing network slow down; never a lock-out",
     .unit = Unit::per_hour,
     .min = 1,
     .max = 10'000}};
// ---- limits an account
const Option<std::int64_t> limits_bind_retries{
    count("limits.bind_retries", 5, 5, 10, "failed binds before the next one ends the stream")};
const Option<std::int64_t> limits_resources{count("limits.resources", 20, 1, 1000, "sessions of an account")};
const Option<std::int64_t> limits_unacknowledged{
    count("limits.unacknowledged", 1000, 10, 1'000'000,
          "stanzas that a session may owe acknowledgements for (XEP-0198), or that wait for one without a connection; "
          "then it ends, and its messages go to other sessions or wait for the next log-in")};
const Option<std::int64_t> limits_unacknowledged_bytes{
    bytes("limits.unacknowledged_bytes", 4 * MiB, 64 * KiB, GiB, "the same in bytes")};
const Option<std::int64_t> limits_detached_per_account{
    needing(count("limits.detached_per_account", 20, 1, 1000,
                  "sessions of an account whose connection is gone and that may be resumed; above it the oldest ends"),
            {{"timeouts.resumption"}})};
const Option<std::int64_t> limits_detached{
    needing(count("limits.detached", 100'000, 1, 10'000'000, "the same in all"), {{"timeouts.resumption"}})};
const Option<std::int64_t> limits_offline{count(
    "limits.offline", 1000, 1, 1'000'000, "undelivered messages of an account; above it the sender gets an error")};
const Option<std::int64_t> limits_roster_items{
    count("limits.roster_items", 3000, 10, 100'000, "contacts of an account")};
const Option<std::int64_t> limits_roster_groups{count("limits.roster_groups", 64, 1, 1000, "groups of a contact")};
const Option<std::int64_t> limits_blocked{
    count("limits.blocked", 1000, 1, 100'000, "addresses that an account blocks")};
const Option<std::int64_t> limits_private{
    bytes("limits.private", 256 * KiB, 4 * KiB, 16 * MiB, "private XML (XEP-0049) that an account keeps")};
const Option<std::int64_t> limits_nodes{
    count("limits.nodes", 64, 4, 10'000, "PEP nodes of an account; OMEMO's not counted")};
const Option<std::int64_t> limits_node_items{count("limits.node_items", 256, 1, 100'000, "items of a PEP node")};
const Option<std::int64_t> limits_item{
    bytes("limits.item", 96 * KiB, 4 * KiB, 4 * MiB,
          "one PEP item as XML (a picture of 64 KiB fits); OMEMO keys have their own bounds")};
const Option<std::int64_t> omemo_max_devices{
    count("omemo.max_devices", 20, 1, 256, "OMEMO devices in an account's list")};

// ---- times
const Option<std::int64_t> timeouts_tls{time("timeouts.tls", 10, 300, "TLS handshake")};
const Option<std::int64_t> timeouts_login{time("timeouts.login", 60, 600, "from the connection to the bound resource")};
const Option<std::int64_t> timeouts_stanza_before_login{
    time("timeouts.stanza_before_login", 30, 300, "from an element's first byte to its last, before log-in")};
const Option<std::int64_t> timeouts_stanza{time("timeouts.stanza", 60, 600, "the same after log-in")};
const Option<std::int64_t> timeouts_ping{
    time("timeouts.ping", 300, 86'400, "silence after which the server asks whether the client is there")};
const Option<std::int64_t> timeouts_answer{
    time("timeouts.answer", 30, 600, "the answer to what the server asks a client; to its ping none ends the stream")};
const Option<std::int64_t> timeouts_resumption{
    {.name = "timeouts.resumption",
     .otherwise = 3'600,
     .reason = "how long a session lives on without its connection, for its client to resume it (XEP-0198); 0: never",
     .unit = Unit::seconds,
     .max = 604'800,
     .reload = Reload::live}};
const Option<std::int64_t> timeouts_bosh_wait{
    needing(time("timeouts.bosh_wait", 60, 600, "longest that a BOSH request is held open (XEP-0124)"), web_listeners)};
const Option<std::int64_t> timeouts_bosh_inactivity{
    needing(time("timeouts.bosh_inactivity", 60, 3600, "a BOSH client that has no request open for so long has gone"),
            web_listeners)};
const Option<std::int64_t> timeouts_bosh_pause{
    needing(time("timeouts.bosh_pause", 120, 3600, "longest pause that a BOSH client may ask for"), web_listeners)};
const Option<std::int64_t> timeouts_shutdown{
    time("timeouts.shutdown", 15, 120, "polite end of all streams and commit of what waits, on SIGTERM")};

}  // namespace options

}  // namespace valise::config
