#include "main/load_checked.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>

#include "config/options.hpp"
#include "core/jid/domain.hpp"
#include "main/modules.hpp"
#include "main/settings.hpp"

namespace valise {
namespace options = config::options;
namespace {

using Path = std::filesystem::path;

class Files {
 public:
  // `errors`: what check_together found of the same files; to it comes what is found here.
  Files(const config::Snapshot& config, std::vector<config::ConfigError>& errors,
        std::vector<config::ConfigError>* missing)
      : config_(config),
        errors_(errors),
        told_(std::ssize(errors)),
        missing_(missing == nullptr ? errors_ : *missing) {}

  void run() {
    for (const auto& host : config_.hosts()) certificate(host);
    if (config_.get(options::storage_backend) == config::Backend::mariadb) {
      mariadb();
    } else {
      folder_of(options::storage_sqlite_path);
    }
    if (config_.get(options::audit_enabled)) made_folder(options::audit_path, config_.get(options::audit_path));
    made_folder(options::state_path, state_folder(config_));
    for (const auto* file : {&options::listen_control, &options::run_pid_file, &options::log_file}) folder_of(*file);
    if (config_.get(options::listen_control).size() >= sizeof(sockaddr_un::sun_path)) {
      add(options::listen_control, "listen.control: a socket's path has at most 107 bytes");
    }
    if (const auto& policy = config_.get(options::policy_file); !policy.empty() && !allows(policy, R_OK)) {
      add(options::policy_file, fmt::format("policy.file: {}: {}", policy, std::strerror(errno)));
    }
  }

 private:
  void add(const config::OptionBase& option, std::string text) {
    errors_.push_back({config_.path(), config_.line(option), std::move(text)});
  }
  [[nodiscard]] bool told(const std::string& file) const {
    const auto about = [&](const auto& error) { return error.text.starts_with(file + ": "); };
    return std::any_of(errors_.begin(), errors_.begin() + told_, about);
  }
  static bool allows(const std::string& path, int what) {
    return ::faccessat(AT_FDCWD, path.c_str(), what, AT_EACCESS) == 0;
  }

  void certificate(const std::string& host) {
    auto tls = make_tls_settings(config_);
    std::erase_if(tls.hosts, [name = core::ascii_domain(host)](const auto& one) { return one.host != name; });
    const auto& files = tls.hosts.front();
    if (files.certificate_file.empty() || told(files.certificate_file) || told(files.key_file)) return;
    auto line = config_.line(options::tls_certificate, host);
    const auto loaded = net::TlsContexts::load(tls, std::make_shared<net::TicketKeys>());
    if (!loaded) {
      const bool key = files.key_file != files.certificate_file && loaded.error().text.starts_with(files.key_file);
      if (key) line = config_.line(options::tls_key, host);
      for (const auto* option : {&options::tls_client_ca, &options::tls_client_crl}) {
        const auto& path = config_.get(*option, host);
        if (!path.empty() && loaded.error().text.starts_with(path)) line = config_.line(*option, host);
      }
      errors_.push_back({config_.path(), line, loaded.error().text});
    } else if (!(*loaded)->certificates().front().covers_host) {
      errors_.push_back(
          {config_.path(), line, fmt::format("{}: is not a certificate for {}", files.certificate_file, host)});
    }
  }

  // What can be known of the database without connecting to it; each file at the line of its own option.
  void mariadb() {
    const auto& ca = config_.get(options::storage_mariadb_ca);
    if (!ca.empty()) {
      if (const auto checked = net::check_authorities(ca); !checked)
        add(options::storage_mariadb_ca, checked.error().text);
    }
    const auto& certificate = config_.get(options::storage_mariadb_certificate);
    const auto& key = config_.get(options::storage_mariadb_key);
    if (!certificate.empty() && !key.empty() && !told(key)) {
      if (const auto pair = net::load_key_pair({}, certificate, key); !pair) {
        const bool of_key = pair.error().text.starts_with(key);
        add(of_key ? options::storage_mariadb_key : options::storage_mariadb_certificate, pair.error().text);
      }
    }
    const auto& password = config_.get(options::storage_mariadb_password_file);
    if (password.empty() || !errors_.empty()) return;
    // What is left of its checks is the password's text.
    if (const auto store = open_store(config_); !store) add(options::storage_mariadb_password_file, store.error().text);
  }

  // A file is made in its folder.
  void folder_of(const config::Option<std::string>& option) {
    if (const auto& path = config_.get(option); !path.empty()) writable(option, Path(path).parent_path());
  }
  // A folder that is made if it is missing.
  void made_folder(const config::OptionBase& option, const std::string& path) {
    struct stat info{};
    const bool there = ::stat(path.c_str(), &info) == 0 || errno != ENOENT;
    writable(option, there ? Path(path) : Path(path).parent_path());
  }
  void writable(const config::OptionBase& option, const Path& folder) {
    struct stat info{};
    if (::stat(folder.c_str(), &info) != 0 && errno == ENOENT) {
      missing_.push_back({config_.path(), config_.line(option),
                          fmt::format("{}: {}: {}", option.name, folder.string(), std::strerror(ENOENT))});
    } else if (S_ISREG(info.st_mode)) {
      add(option, fmt::format("{}: {} is no folder", option.name, folder.string()));
    } else if (!allows(folder.string(), W_OK | X_OK)) {
      add(option, fmt::format("{}: {}: {}", option.name, folder.string(), std::strerror(errno)));
    }
  }

  const config::Snapshot& config_;
  std::vector<config::ConfigError>& errors_;
  std::ptrdiff_t told_;  // so many of them are check_together's
  std::vector<config::ConfigError>& missing_;
};

// All of them at once, in the file's order: nobody mends one line after the other.
std::vector<config::ConfigError> in_order(std::vector<config::ConfigError> errors) {
  std::vector<config::ConfigError> once;
  for (auto& error : errors) {
    const auto same = [&](const auto& other) { return other.message() == error.message(); };
    if (std::ranges::none_of(once, same)) once.push_back(std::move(error));
  }
  std::ranges::stable_sort(once, {}, &config::ConfigError::line);
  return once;
}

}  // namespace

config::LoadResult load_checked(const std::string& path, const config::Registry& registry,
                                std::vector<config::ConfigError>& warnings, std::vector<config::ConfigError>* missing) {
  auto config = config::load(path, registry);
  if (!config) return config;
  auto found = config::check_together(**config);
  auto& errors = found.errors;
  Files(**config, errors, missing).run();
  std::ranges::move(found.warnings, std::back_inserter(warnings));
  if (errors.empty()) return config;
  const auto about_policy = [](const auto& error) { return error.text.starts_with("policy.file: "); };
  if (std::ranges::none_of(errors, about_policy)) {
    std::ranges::move(prepare_modules(**config, warnings), std::back_inserter(errors));
  }
  return std::unexpected(in_order(std::move(errors)));
}

std::vector<config::ConfigError> prepare_modules(const config::Snapshot& config,
                                                 std::vector<config::ConfigError>& warnings) {
  auto found = check_modules(config);
  std::ranges::move(found.warnings, std::back_inserter(warnings));
  warnings = in_order(std::move(warnings));
  return in_order(std::move(found.errors));
}

}  // namespace valise
