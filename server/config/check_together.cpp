#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>

#include "config/in_vain.hpp"
#include "config/options.hpp"
#include "config/secret_file.hpp"

namespace valise::config {
namespace {

class Checker {
 public:
  explicit Checker(const Snapshot& snapshot) : snapshot_(snapshot), findings_(snapshot) {}

  Findings run() {
    if (snapshot_.hosts().empty()) add(0, "no host is declared; write host[\"example.org\"] = {}, or set its options");
    listeners();
    for (const auto& host : snapshot_.hosts()) {
      certificate(host);
      clients(host);
    }
    if (snapshot_.get(options::storage_backend) == Backend::mariadb) mariadb();
    budgets();
    warn_of_options_in_vain(snapshot_, findings_);
    return std::move(findings_);
  }

 private:
  void add(unsigned line, std::string text) { findings_.error(line, std::move(text)); }

  void secret(unsigned line, const std::string& path) {
    if (auto checked = check_secret_file(path); !checked) add(line, checked.error().text);
  }

  void listeners() {
    const auto& starttls = snapshot_.get(options::listen_c2s);
    const auto& direct = snapshot_.get(options::listen_c2s_tls);
    if (starttls.empty() && direct.empty() && snapshot_.get(options::listen_https).empty() &&
        snapshot_.get(options::listen_http).empty())
      add(snapshot_.line(options::listen_c2s), "listen.c2s and listen.c2s_tls are both empty");
    if (!snapshot_.get(options::listen_http).empty() && snapshot_.get(options::http_proxies).empty()) {
      add(snapshot_.line(options::listen_http),
          "listen.http is for a reverse proxy; name its address in http.proxies, such as \"127.0.0.1\"");
    }
    const auto all = options::listeners();
    for (auto option = all.begin(); option != all.end(); ++option) {
      const auto& addresses = snapshot_.get(**option);
      for (auto one = addresses.begin(); one != addresses.end(); ++one) {
        for (auto other = std::next(one); other != addresses.end(); ++other) {
          if (same(*one, *other)) twice(**option, *one, *other);
        }
        for (auto earlier = all.begin(); earlier != option; ++earlier) {
          for (const auto& other : snapshot_.get(**earlier)) {
            if (!same(*one, other)) continue;
            add(snapshot_.line(**option), fmt::format("{} is in {} too", *one, (*earlier)->name));
          }
        }
      }
    }
  }

  static bool same(std::string_view a, std::string_view b) {
    return !a.ends_with(":0") && bound(a) == bound(b);  // :0 is any free port
  }
  // What the kernel is asked for: * is IPv4's 0.0.0.0.
  static std::string bound(std::string_view address) {
    return address.starts_with("*:") ? "0.0.0.0" + std::string(address.substr(1)) : std::string(address);
  }
  void twice(const OptionBase& option, std::string_view one, std::string_view other) {
    add(snapshot_.line(option), fmt::format("{}: {} and {} are the same address", option.name, one, other));
  }

  void certificate(const std::string& host) {
    const auto& chain = snapshot_.get(options::tls_certificate, host);
    const auto& key = snapshot_.get(options::tls_key, host);
    const auto line = snapshot_.line(options::tls_certificate, host);
    if (chain.empty()) {
      add(snapshot_.host_line(host),
          fmt::format("host \"{0}\" has no certificate; set host[\"{0}\"].tls.certificate", host));
      return;
    }
    if (::faccessat(AT_FDCWD, chain.c_str(), R_OK, AT_EACCESS) != 0) {
      add(line, fmt::format("{}: {}", chain, std::strerror(errno)));
    }
    secret(key.empty() ? line : snapshot_.line(options::tls_key, host), key.empty() ? chain : key);
  }

  void clients(const std::string& host) {
    if (snapshot_.get(options::tls_client_certificates, host) == ClientCertificates::off) return;
    if (!snapshot_.get(options::tls_client_ca, host).empty()) return;
    add(snapshot_.line(options::tls_client_certificates, host),
        fmt::format("host \"{0}\" asks for certificates and trusts nobody; set host[\"{0}\"].tls.client_ca", host));
  }

  void mariadb() {
    const auto line = snapshot_.line(options::storage_backend);
    const auto& host = snapshot_.get(options::storage_mariadb_host);
    const auto& socket = snapshot_.get(options::storage_mariadb_socket);
    if (host.empty() == socket.empty()) {
      add(line, "storage.backend = \"mariadb\" needs either storage.mariadb.host or storage.mariadb.socket");
    }
    if (!host.empty() && snapshot_.get(options::storage_mariadb_ca).empty()) {
      add(snapshot_.line(options::storage_mariadb_host),
          "storage.mariadb.ca is missing: a database on the network is reached over TLS with the private CA only");
    }
    for (const auto* needed : {&options::storage_mariadb_user, &options::storage_mariadb_database}) {
      if (snapshot_.get(*needed).empty()) add(snapshot_.line(*needed), fmt::format("{} is empty", needed->name));
    }
    const auto& certificate = snapshot_.get(options::storage_mariadb_certificate);
    const auto& key = snapshot_.get(options::storage_mariadb_key);
    if (certificate.empty() != key.empty()) {
      add(snapshot_.line(options::storage_mariadb_certificate),
          "storage.mariadb.certificate and storage.mariadb.key go together");
    }
    if (!key.empty()) secret(snapshot_.line(options::storage_mariadb_key), key);
    if (const auto& password = snapshot_.get(options::storage_mariadb_password_file); !password.empty()) {
      secret(snapshot_.line(options::storage_mariadb_password_file), password);
    }
  }

  void budgets() {
    const auto at_least = [this](const Option<std::int64_t>& larger, const Option<std::int64_t>& smaller,
                                 int times = 1) {
      if (snapshot_.get(larger) >= times * snapshot_.get(smaller)) return;
      add(std::max(snapshot_.line(larger), snapshot_.line(smaller)),
          fmt::format("{} must not be less than {}{}", larger.name, times == 1 ? "" : fmt::format("{} times ", times),
                      smaller.name));
    };
    at_least(options::limits_memory_before_login, options::limits_stanza_before_login, 4);  // bytes, text, nodes
    at_least(options::limits_stanza, options::limits_stanza_before_login);
    at_least(options::limits_queue, options::limits_stanza);
    at_least(options::commit_queue_bytes, options::limits_stanza);
  }

  const Snapshot& snapshot_;
  Findings findings_;
};

}  // namespace

Findings check_together(const Snapshot& snapshot) { return Checker(snapshot).run(); }

}  // namespace valise::config
