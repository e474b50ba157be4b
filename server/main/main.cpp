// valised: the server. `valised --config FILE [--check-config] [--accept-gap] [--describe-options]
// [--describe-protocols] [--describe-sealed] [--describe-policy]`, in the foreground.
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>

#include <CLI/CLI.hpp>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/options.hpp"
#include "main/app.hpp"
#include "main/control.hpp"
#include "main/heartbeat.hpp"
#include "main/load_checked.hpp"
#include "main/modules.hpp"
#include "main/privileges.hpp"
#include "main/protocols.hpp"
#include "main/running.hpp"
#include "main/settings.hpp"
#include "modules/omemo/table/table.hpp"
#include "net/listener.hpp"
#include "policy/policy_set.hpp"

namespace valise {
namespace {

config::Registry make_registry() {
  config::Registry registry;
  registry.add(config::kernel_options());
  for (const auto* manifest : all_modules()) {
    if (manifest->options != nullptr) manifest->options(registry);
  }
  return registry;
}

void say(const std::string& text) { std::fprintf(stderr, "valised: %s\n", text.c_str()); }

void say_warning(config::ConfigError warning) {
  warning.text.insert(0, "warning: ");
  say(warning.message());
}

int report(const std::vector<config::ConfigError>& errors) {
  for (const auto& error : errors) say(error.message());
  return 2;
}

// Also where whoever starts it looks, if the log is a file.
int could_not_start(const config::Snapshot& config, const Error& error) {
  log::error("main", "{}", error.text);
  if (!config.get(config::options::log_file).empty()) say(error.text);
  return 1;
}

// Whether a start could have its ports now. No error: it may have more rights. Those of the server that runs are its
// own.
void try_ports(const config::Snapshot& config) {
  namespace options = config::options;
  const auto own = addresses_of_running_server(config.get(options::listen_control));
  for (const auto* option : options::listeners()) {
    for (const auto& address : config.get(*option)) {
      if (std::ranges::find(own, address) != own.end()) continue;
      const auto bound = net::bind_sockets(address, 0);
      if (bound) continue;
      const config::ConfigError warning{config.path(), config.line(*option), bound.error().text};
      say(warning.message() + " (no error if this server runs already, or will have more rights)");
    }
  }
}

void write_pid_file(const std::string& path) {
  if (path.empty()) return;
  std::ofstream out(path, std::ios::trunc);
  out << getpid() << '\n';
  if (!out) log::warning("main", "cannot write {}", path);
}

// Signals come through a descriptor, on the main thread only: no handler runs anywhere.
int open_signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&wanted, signal);
  sigprocmask(SIG_BLOCK, &wanted, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  return signalfd(-1, &wanted, SFD_CLOEXEC);
}

void reload(App& app) {
  // sd_notify(3): the time stamp is what Type=notify-reload waits for.
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  notify_service_manager("RELOADING=1\nMONOTONIC_USEC=" +
                         std::to_string(now.tv_sec * 1'000'000LL + now.tv_nsec / 1'000));
  (void)app.reload();  // says in the log what came of it
  notify_service_manager("READY=1");
}

constexpr std::int64_t save_every_ms = 300'000;
constexpr std::int64_t look_every_ms = 1'000;

int serve(App& app, int signals) {
  const auto interval = watchdog_interval_ms();
  auto& shards = app.kernel().shards;
  Heartbeat heartbeat(static_cast<unsigned>(shards.size()),
                      [&shards](unsigned shard, std::function<void()> task) { shards[shard]->post(std::move(task)); });
  auto saved_ms = steady_ms();
  auto beat_ms = saved_ms - interval;
  for (;;) {
    pollfd waiting{signals, POLLIN, 0};
    const int ready =
        ::poll(&waiting, 1, static_cast<int>(interval > 0 ? std::min(interval, look_every_ms) : look_every_ms));
    const auto now = steady_ms();
    app.look_at_memory();
    if (now - saved_ms >= save_every_ms) {
      saved_ms = now;
      app.save_known_networks();
    }
    if (interval > 0 && now - beat_ms >= interval - look_every_ms && heartbeat.beat()) {
      beat_ms = now;
      notify_service_manager("WATCHDOG=1");
    }
    if (ready <= 0) continue;
    signalfd_siginfo info{};
    if (::read(signals, &info, sizeof info) != sizeof info) continue;
    if (info.ssi_signo == SIGHUP) {
      reload(app);
      continue;
    }
    log::info("main", "stopping");
    notify_service_manager("STOPPING=1");
    return 0;
  }
}

// The LDAP library would read ldap.conf and the environment, where checks of certificates can be switched off. Before
// the first thread: it is looked at when the library is first used.
void shut_out_ldap_conf() { ::setenv("LDAPNOINIT", "1", 1); }

int start_and_serve(const std::string& config_path, config::Registry& registry,
                    const Ref<const config::Snapshot>& config, const std::optional<User>& user, bool accept_gap) {
  shut_out_ldap_conf();
  const int signals = open_signals();
  App app(config_path, registry, config, user);
  if (const auto started = app.start({.accept_gap = accept_gap}); !started) {
    return could_not_start(*config, started.error());
  }
  Control control(app);
  if (const auto started = control.start(config->get(config::options::listen_control)); !started) {
    return could_not_start(*config, started.error());
  }
  const auto& pid_file = config->get(config::options::run_pid_file);
  write_pid_file(pid_file);
  log::info("main", "ready");
  notify_service_manager("READY=1\nSTATUS=");
  const int outcome = serve(app, signals);
  control.stop();
  app.stop();
  if (!pid_file.empty()) ::unlink(pid_file.c_str());
  log::info("main", "stopped");
  return outcome;
}

int run(const std::string& config_path, bool check_only, bool accept_gap) {
  auto registry = make_registry();
  auto config = config::load(config_path, registry);
  if (!config) return report(config.error());
  const auto at = [&](const config::OptionBase& option, std::string text) {
    return std::vector{config::ConfigError{config_path, (*config)->line(option), std::move(text)}};
  };
  notify_service_manager("STATUS=starting");  // opens its socket, which a chroot would hide
  const auto user = find_user((*config)->get(config::options::run_user));
  if (!user) return report(at(config::options::run_user, user.error().text));
  if (check_only && *user && geteuid() != 0 && geteuid() != (*user)->user) {
    say("checked as user " + std::to_string(geteuid()) + ": run it as root to check the files as run.user");
  }
  if (auto entered = enter_folder((*config)->get(config::options::run_chroot)); !entered) {
    return report(at(config::options::run_chroot, entered.error().text));
  }
  {
    const ActingAs acting(*user);
    // Read again: inside a chroot the file of this name is what a reload will read.
    std::vector<config::ConfigError> missing;
    std::vector<config::ConfigError> warnings;
    config = load_checked(config_path, registry, warnings, check_only ? &missing : nullptr);
    for (const auto& folder : missing) say(folder.message() + " (needed at the start)");
    const auto errors = config ? prepare_modules(**config, warnings) : std::move(config.error());
    if (!errors.empty() || check_only) {
      for (const auto& warning : warnings) say_warning(warning);
    }
    if (!errors.empty()) return report(errors);
    if (!check_only) {
      log::open(log_level(**config), (*config)->get(config::options::log_file));
      for (const auto& warning : warnings) log::warning("config", "{}", warning.message());
    }
  }
  if (check_only) {
    try_ports(**config);
    std::printf("%s: ok\n", config_path.c_str());
    return 0;
  }
  return start_and_serve(config_path, registry, *config, *user, accept_gap);
}

}  // namespace
}  // namespace valise

int main(int argc, char** argv) {
  umask(0077);  // logs, pid file, stores: their owner's alone
  CLI::App cli{"valised: an XMPP server that carries only sealed messages"};
  std::string config = "/etc/valise/valise.lua";
  bool check = false;
  bool accept_gap = false;
  bool describe = false;
  bool protocols = false;
  bool sealed = false;
  bool policy = false;
  cli.add_option("--config", config, "the configuration file")->capture_default_str();
  cli.add_flag("--check-config", check, "check the configuration and end");
  cli.add_flag("--accept-gap", accept_gap,
               "start although store and audit log do not belong together (after a restore); the log notes it");
  cli.add_flag("--describe-options", describe, "print the reference of all options as Markdown and end");
  cli.add_flag("--describe-protocols", protocols, "print the table of RFCs and XEPs as Markdown and end");
  cli.add_flag("--describe-sealed", sealed, "print the table of what passes as Markdown and end");
  cli.add_flag("--describe-policy", policy, "print the reference of policies' language as Markdown and end");
  cli.set_version_flag("--version", std::string("valised " VALISE_VERSION));
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return cli.exit(error);  // --help, --version
    valise::say(std::string(error.what()) + "; valised --help lists the options");
    return error.get_exit_code();
  }
  try {
    if (describe) {
      const auto text = valise::config::describe(valise::make_registry());
      std::fputs(text.c_str(), stdout);
      return 0;
    }
    if (protocols) {
      std::fputs(valise::describe_protocols().c_str(), stdout);
      return 0;
    }
    if (sealed) {
      std::fputs(valise::modules::omemo::table::describe().c_str(), stdout);
      return 0;
    }
    if (policy) {
      std::fputs(valise::policy::PolicySet::reference().c_str(), stdout);
      return 0;
    }
    return valise::run(config, check, accept_gap);
  } catch (const std::exception& error) {
    valise::say(error.what());
    return 1;
  }
}
