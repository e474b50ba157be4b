-- Valise: a production server. This file is Lua in a sandbox: locals, loops and arithmetic work, and names that are no
-- option are errors with their line. An option may be set once. Values shown are the defaults, but for
-- those that are marked "no default" or name another one. Check a change before a reload: valised --check-config --config FILE

-- Hosts ---------------------------------------------------------------------------------------------------------
-- Options of scope "host" can be set for all hosts by their bare name, and for one through host["…"].

host["example.org"].tls.certificate = "/etc/valise/tls/example.org.pem"        -- no default
host["example.org"].tls.key = "/etc/valise/tls/example.org.key"                -- no default; root:valise 0640

tls.minimum = "1.2"            -- "1.3" once every client has it
default_language = "fr"        -- of texts for clients that name no language
sealed.mode = "required"       -- only OMEMO content passes; "warn": the rest too, with a warning; "off" is for conformance suites
-- host["example.org"].sealed.from = "2027-03-01"   -- until then it warns; default: it holds at once
omemo.approve = "none"         -- "administrator" (valisectl omemo approve), "device": who lets new OMEMO devices in
omemo.notice_devices = true    -- an account's other devices are told of a new one
-- labels.catalogue = { "fr" }   -- classification labels beside the seal (XEP-0258); default: none
archive.enabled = true         -- people's devices find what they sent and received
archive.keep_days = 90         -- so long; 0: for ever
registration.enabled = false   -- accounts are made with valisectl
invitations.enabled = false    -- true: and by whom an administrator sends a link (valisectl invite)
invitation_page.enabled = false   -- true: the link leads to a web page (needs invitations, listen.https or listen.http)

-- Network -------------------------------------------------------------------------------------------------------

listen.c2s = { "*:5222", "[::]:5222" }      -- * is 0.0.0.0, every IPv4 address; [::] every IPv6 address
listen.c2s_tls = { "0.0.0.0:5223", "[::]:5223" }   -- direct TLS (XEP-0368); default: none
-- listen.https = { "*:5281" }               -- browsers, with TLS; default: none
-- listen.http = { "127.0.0.1:5280" }         -- browsers behind a reverse proxy here; then name the proxy:
-- http.proxies = { "127.0.0.1", "::1" }
listen.control = "/run/valise/control"       -- who may open it administers the server

-- Process -------------------------------------------------------------------------------------------------------

shards = 0                     -- threads that serve accounts; 0: one a core
node = 0                       -- never the same on two machines
-- run.user = "valise"        -- only without systemd, whose unit sets the user
log.level = "info"
state.path = "/var/lib/valise"               -- the server's own secrets; the default with MariaDB

-- Store: MariaDB over TLS with a private CA (default: the embedded SQLite file) -----------------------------------

storage.backend = "mariadb"                  -- default: "sqlite"
storage.mariadb.host = "db.example.org"      -- no default; as in its certificate
storage.mariadb.port = 3306
storage.mariadb.user = "valise"
storage.mariadb.password_file = "/etc/valise/database.password"  -- no default; the password alone, root:valise 0640
storage.mariadb.database = "valise"
storage.mariadb.ca = "/etc/valise/tls/database-ca.pem"           -- no default
storage.read_threads = 4

-- Metadata record and commit --------------------------------------------------------------------------------------

audit.path = "/var/lib/valise/audit"
audit.segment = 64 * MiB
commit.gather_us = 2000        -- longest wait for a fuller batch, under load only

-- Policy ----------------------------------------------------------------------------------------------------------

-- policy.file = "/etc/valise/policy.lua"    -- default: the stock policy; begin with a copy of lua/stock.lua

-- Service -----------------------------------------------------------------------------------------------------------

-- disco.contacts = { "abuse-addresses=mailto:abuse@example.org" }            -- default: none
-- disco.outage_status = { "https://status.example.net/valise.json" }         -- default: none; not on this server
-- external_services.list = { "stun:turn.example.org", "turn:turn.example.org?transport=udp" }   -- default: none
-- external_services.secret_file = "/etc/valise/turn.secret"                  -- default: none; root:valise 0640
-- reports.notify = { "warden@example.org" }                                  -- default: nobody

-- Limits and times that are worth a thought; docs/security.md §3 has all of them -----------------------------------

limits.stanza = 256 * KiB
limits.offline = 1000
limits.connections_per_address = 100
limits.connections_new_per_s = 20
timeouts.login = seconds(60)
timeouts.ping = minutes(5)
scram.iterations = 10000       -- each log-in makes the client compute this many rounds
