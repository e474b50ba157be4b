-- Valise: the smallest configuration. Everything else has its default; docs/options.md lists all options with their
-- units, ranges and reasons (valised --describe-options prints it). Check a change before a reload:
-- valised --check-config --config FILE

-- A host is a domain whose accounts live here. Certificate chain (own certificate first) and key, both PEM; the key is
-- refused if others can read it. Leave tls.key out when the key stands in the certificate's file.
host["example.org"].tls.certificate = "/etc/valise/tls/example.org.pem"
host["example.org"].tls.key = "/etc/valise/tls/example.org.key"

-- Every address of this machine, for clients that begin with STARTTLS.
listen.c2s = { "0.0.0.0:5222", "[::]:5222" }
