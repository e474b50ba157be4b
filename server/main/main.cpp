// valised: the server. `valised --config FILE [--check-config] [--describe-options]`, in the foreground.
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

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
#include "main/modules.hpp"
#include "main/privileges.hpp"

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

int report(const std::vector<config::ConfigError>& errors) {
  for (const auto& error : errors) std::fprintf(stderr, "%s\n", error.message().c_str());
  return 2;
}

log::Level level_of(config::LogLevel level) { return static_cast<log::Level>(static_cast<int>(level)); }

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
  const auto needs = app.reload();
  if (!needs) {
    log::error("main", "not reloaded: {}", needs.error().text);
  } else {
    log::info("main", "reloaded");
    for (const auto& option : *needs) log::warning("main", "{} changes at the next start", option);
  }
  notify_service_manager("READY=1");
}

int serve(App& app, int signals) {
  const auto interval = watchdog_interval_ms();
  auto& shards = app.kernel().shards;
  Heartbeat heartbeat(static_cast<unsigned>(shards.size()),
                      [&shards](unsigned shard, std::function<void()> task) { shards[shard]->post(std::move(task)); });
  for (;;) {
    pollfd waiting{signals, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, interval > 0 ? static_cast<int>(interval) : -1);
    if (interval > 0 && heartbeat.beat()) notify_service_manager("WATCHDOG=1");
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

int run(const std::string& config_path, bool check_only) {
  auto registry = make_registry();
  auto config = config::load(config_path, registry);
  if (!config) return report(config.error());
  if (const auto errors = config::check_together(**config); !errors.empty()) return report(errors);
  if (auto checked = check_modules(**config); !checked) {
    std::fprintf(stderr, "%s\n", checked.error().text.c_str());
    return 2;
  }
  if (check_only) {
    std::printf("%s: ok\n", config_path.c_str());
    return 0;
  }
  log::open(level_of((*config)->get(config::options::log_level)), (*config)->get(config::options::log_file));
  const int signals = open_signals();
  notify_service_manager("STATUS=starting");  // opens its socket, which a chroot would hide
  App app(config_path, registry, *config);
  if (const auto started = app.start(); !started) {
    log::error("main", "{}", started.error().text);
    return 1;
  }
  Control control(app);
  if (const auto started = control.start((*config)->get(config::options::listen_control)); !started) {
    log::error("main", "{}", started.error().text);
    return 1;
  }
  write_pid_file((*config)->get(config::options::run_pid_file));
  log::info("main", "ready");
  notify_service_manager("READY=1\nSTATUS=");
  const int outcome = serve(app, signals);
  control.stop();
  app.stop();
  log::info("main", "stopped");
  return outcome;
}

}  // namespace
}  // namespace valise

int main(int argc, char** argv) {
  CLI::App cli{"valised: an XMPP server that carries only sealed messages"};
  std::string config = "/etc/valise/valise.lua";
  bool check = false;
  bool describe = false;
  cli.add_option("--config", config, "the configuration file");
  cli.add_flag("--check-config", check, "check the configuration and end");
  cli.add_flag("--describe-options", describe, "print the reference of all options as Markdown and end");
  cli.set_version_flag("--version", std::string("valised " VALISE_VERSION));
  CLI11_PARSE(cli, argc, argv);
  try {
    if (describe) {
      const auto text = valise::config::describe(valise::make_registry());
      std::fputs(text.c_str(), stdout);
      return 0;
    }
    return valise::run(config, check);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "valised: %s\n", error.what());
    return 1;
  }
}
