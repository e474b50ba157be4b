"""The peers: Debian's packages, configured as README.md says."""

import os
import shutil

from contender import Server, StartFailure, package_version


class Prosody(Server):
    key, title = "prosody", "Prosody"
    lifted = "mod_limits left out"
    archive = ""

    def configure(self):
        for name in ("data", "certs"):
            (self.folder / name).mkdir()
        # Debian's modules without limits, invitations, administration and federation.
        (self.folder / "prosody.cfg.lua").write_text(f"""
run_as_root = true
pidfile = "{self.folder}/pid"
data_path = "{self.folder}/data"
network_backend = "epoll"
storage = "internal"
authentication = "internal_hashed"
modules_enabled = {{ "disco", "roster", "saslauth", "tls", "blocklist", "bookmarks", "carbons", "pep", "private",
  "smacks", "vcard4", "vcard_legacy", "csi_simple", "ping", "register", "time", "uptime", "version", "posix"{self.archive} }}
modules_disabled = {{ "s2s" }}
allow_registration = true
c2s_require_encryption = true
c2s_interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {self.port} }}
log = {{ warn = "{self.folder}/prosody.log" }}
ssl = {{ certificate = "{self.certificate}", key = "{self.tls_key}" }}
VirtualHost "localhost"
""")

    def command(self):
        if not shutil.which("prosody"):
            raise StartFailure("prosody is not installed (apt install prosody)")
        return ["prosody", "-F", "--config", str(self.folder / "prosody.cfg.lua")]

    def version(self):
        return package_version("prosody")


class ProsodyArchive(Prosody):
    key, title = "prosody-archive", "Prosody, archived rows"
    lifted = "mod_limits left out; mod_mam with internal storage, empty at first"
    archive = ', "mam"'


class Ejabberd(Server):
    key, title = "ejabberd", "ejabberd"
    settle = 2
    archive = ""
    lifted = "shapers none, registration_timeout infinity, offline messages and sessions per user infinity"

    def configure(self):
        (self.folder / "spool").mkdir()
        both = self.folder / "both.pem"
        both.write_text(self.certificate.read_text() + self.tls_key.read_text())
        both.chmod(0o600)
        # Debian's modules without HTTP, MQTT, rooms and federation; in-band registration open.
        (self.folder / "ejabberd.yml").write_text(f"""
loglevel: warning
log_rotate_count: 0
hosts: [localhost]
certfiles: ["{both}"]
auth_password_format: scram
registration_timeout: infinity
disable_sasl_mechanisms: ["digest-md5", "X-OAUTH2"]
listen:
  - port: {self.port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    max_stanza_size: 262144
    shaper: none
    access: all
    starttls_required: true
    backlog: 4096
    protocol_options: [no_sslv3, no_tlsv1, no_tlsv1_1, cipher_server_preference, no_compression]
shaper_rules:
  max_user_sessions: infinity
  max_user_offline_messages: infinity
modules:
  mod_adhoc: {{}}
  mod_avatar: {{}}
  mod_blocking: {{}}
  mod_caps: {{}}
  mod_carboncopy: {{}}
  mod_client_state: {{}}
  mod_configure: {{}}
  mod_disco: {{}}
  mod_last: {{}}{self.archive}
  mod_offline: {{access_max_user_messages: max_user_offline_messages}}
  mod_ping: {{}}
  mod_privacy: {{}}
  mod_private: {{}}
  mod_pubsub:
    plugins: [flat, pep]
    force_node_config:
      "eu.siacs.conversations.axolotl.*": {{access_model: open}}
  mod_push: {{}}
  mod_push_keepalive: {{}}
  mod_register: {{ip_access: all}}
  mod_roster: {{versioning: true}}
  mod_shared_roster: {{}}
  mod_stream_mgmt: {{resend_on_timeout: if_offline}}
  mod_vcard: {{search: false}}
  mod_vcard_xupdate: {{}}
  mod_version: {{}}
""")

    def command(self):
        if not shutil.which("ejabberdctl") or not shutil.which("erl"):
            raise StartFailure("ejabberd is not installed (apt install ejabberd)")
        # As ejabberdctl foreground does, but under our own user and without a node name, so that no epmd stays behind.
        return ["erl", "+K", "true", "+P", "250000", "-noinput", "-mnesia", "dir", f'"{self.folder}/spool"',
                "-s", "ejabberd"]

    def environment(self):
        return dict(os.environ, EJABBERD_CONFIG_PATH=str(self.folder / "ejabberd.yml"),
                    EJABBERD_LOG_PATH=str(self.folder / "ejabberd.log"), ERL_CRASH_DUMP=str(self.folder / "crash"),
                    ERL_LIBS="/usr/lib/x86_64-linux-gnu", ERL_MAX_PORTS="32000", HOME=str(self.folder))

    def version(self):
        return package_version("ejabberd")


class EjabberdArchive(Ejabberd):
    key, title = "ejabberd-archive", "ejabberd, archived rows"
    lifted = Ejabberd.lifted + "; mod_mam with Mnesia, empty at first"
    archive = "\n  mod_mam: {default: always, assume_mam_usage: true}"


Prosody.stand_ins = {"archive": ProsodyArchive}
Ejabberd.stand_ins = {"archive": EjabberdArchive}
for _kind in (ProsodyArchive, EjabberdArchive):
    _kind.stand_ins = {}
