#include "main/app.hpp"

#include <unistd.h>

#include <filesystem>
#include <future>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/options.hpp"
#include "config/secret_file.hpp"
#include "core/audit/file.hpp"
#include "core/auth/mechanism.hpp"
#include "core/recovery.hpp"
#include "main/load_checked.hpp"
#include "main/login_secret.hpp"
#include "main/modules.hpp"
#include "main/privileges.hpp"
#include "main/settings.hpp"
#include "modules/omemo/mode_options.hpp"
#include "modules/omemo/table/table.hpp"

namespace valise {
namespace options = config::options;
namespace {
// What may wait to be derived from passwords: some seconds of work in all (docs/security.md §3).
constexpr core::FairQueue::Bounds known_passwords{.lane = 128, .network = 32};
constexpr core::FairQueue::Bounds strangers_passwords{.lane = 128, .network = 8};
constexpr const char* known_networks = "known-networks";  // in state.path: what Brake::known_pairs gives

unsigned handshake_threads() { return std::clamp(std::thread::hardware_concurrency() / 2, 1U, 8U); }
unsigned password_threads() { return std::clamp(std::thread::hardware_concurrency() / 4, 1U, 4U); }

// docs/admin.en.md §4: a list that has run out lets nobody in.
void warn_of_lists(const net::TlsContexts& contexts) {
  const auto now = utc_now_ms();
  for (const auto& list : contexts.revocation_lists()) {
    if (list.next_update_ms <= now) {
      log::warning("tls", "{}: the revocation list of {} has run out: its certificates are refused", list.host,
                   list.issuer);
    }
  }
  for (const auto& name : contexts.without_list()) {
    log::warning("tls", "{} has no revocation list: certificates that it issued are refused", name);
  }
}
}  // namespace

App::App(std::string config_path, config::Registry& registry, Ref<const config::Snapshot> config,
         std::optional<User> user)
    : config_path_(std::move(config_path)),
      registry_(registry),
      user_(user),
      config_(std::move(config)),
      tickets_(std::make_shared<net::TicketKeys>()),
      brake_([this] {
        core::auth::BrakeLimits limits;
        limits.account_free = static_cast<unsigned>(config_->get(options::limits_passwords_per_account));
        return limits;
      }()) {}

App::~App() {
  stop();
  for (const auto& socket : sockets_) {
    if (socket.fd >= 0) ::close(socket.fd);
  }
}

Result<> App::start(core::RecoveryOptions recovery) {
  if (auto done = bind_sockets(); !done) return done;
  if (auto done = drop_privileges(user_); !done) return done;
  // From here on as the user that reloads too: what cannot be read later is not read now.
  if (auto done = load_certificates(*config_); !done) return done;
  if (auto done = open_storage(); !done) return done;
  prepare_login();
  const auto beside_store = std::filesystem::path(config_->get(options::storage_sqlite_path)).parent_path().string();
  state_folder_ = state_folder(*config_);
  auto secret = login_secret(state_folder_, beside_store);
  if (!secret) return std::unexpected(secret.error());
  read_known_networks();
  kernel_.client_secret = crypto::hmac(crypto::Hash::sha512, *secret, "clients");
  login_->fake_keys =
      core::auth::FakeKeys(std::move(*secret), static_cast<unsigned>(config_->get(options::scram_iterations)));
  const auto count = config_->get(options::shards);
  const auto shards = count > 0 ? static_cast<unsigned>(count) : std::max(1u, std::thread::hardware_concurrency());
  kernel_.cluster = std::make_unique<core::SingleNode>();
  kernel_.modules = all_modules();
  kernel_.has_row = &modules::omemo::table::has_row;
  kernel_.brake = &brake_;
  kernel_.started_ms = utc_now_ms();
  const auto settings = make_settings(*config_);
  for (unsigned i = 0; i < shards; ++i) kernel_.shards.push_back(std::make_unique<core::Shard>(kernel_, i, settings));
  if (auto done = open_log_and_committer(recovery); !done) return done;
  return start_shards();
}

void App::read_known_networks() {
  const auto path = (std::filesystem::path(state_folder_) / known_networks).string();
  const auto kept = config::read_secret_bytes(path, 16 * 1024 * 1024);
  if (!kept && kept.error().code == ErrorCode::not_found) return;
  if (!kept || !brake_.restore(*kept, steady_ms(), utc_now_ms())) {
    log::warning("main", "{} cannot be used; networks are known again from their next log-in on", path);
  }
}

void App::save_known_networks() {
  if (state_folder_.empty()) return;
  const auto written = write_secret(state_folder_, known_networks, brake_.known_pairs(steady_ms(), utc_now_ms()));
  if (!written) log::warning("main", "{}", written.error().text);
}

Result<> App::load_certificates(const config::Snapshot& config) {
  auto contexts = net::TlsContexts::load(make_tls_settings(config), tickets_);
  if (!contexts) return std::unexpected(contexts.error());
  for (const auto& certificate : (*contexts)->certificates()) {
    const auto days = (certificate.not_after_ms - utc_now_ms()) / 86'400'000;
    if (days <= 30) log::warning("tls", "the certificate of {} expires in {} days", certificate.host, days);
  }
  warn_of_lists(**contexts);
  tls_.set(std::move(*contexts));
  return {};
}

// Every shard listens on every address (SO_REUSEPORT).
Result<> App::bind_sockets() {
  const auto count = config_->get(options::shards);
  const auto shards = count > 0 ? static_cast<unsigned>(count) : std::max(1u, std::thread::hardware_concurrency());
  const auto bind_all = [&](const config::Option<config::Strings>& addresses, Socket::Kind kind) -> Result<> {
    for (const auto& address : config_->get(addresses)) {
      const auto bound = net::bind_sockets(address, shards);
      if (!bound) return std::unexpected(bound.error());
      for (unsigned shard = 0; shard < shards; ++shard) sockets_.push_back({(*bound)[shard], kind, shard});
    }
    return {};
  };
  using enum Socket::Kind;
  if (auto done = bind_all(options::listen_c2s, starttls); !done) return done;
  if (auto done = bind_all(options::listen_c2s_tls, direct_tls); !done) return done;
  if (auto done = bind_all(options::listen_https, https); !done) return done;
  return bind_all(options::listen_http, http);
}

Result<> App::open_storage() {
  auto store = open_store(*config_);
  if (!store) return std::unexpected(store.error());
  store_ = std::move(*store);
  if (auto done = store_->claim(); !done) return done;
  if (auto done = store_->migrate(); !done) return done;
  log::info("storage", "{}", store_->describe());
  readers_ = std::make_unique<storage::ReadPool>(
      *store_, static_cast<unsigned>(config_->get(options::storage_read_threads)), 16'384);
  kernel_.readers = readers_.get();
  workers_ =
      std::make_unique<core::WorkPool>(password_threads(), core::FairQueue(known_passwords, strangers_passwords));
  kernel_.workers = workers_.get();
  return {};
}

void App::prepare_login() {
  login_ = std::make_unique<stream::LoginShared>(
      stream::LoginShared{core::auth::FakeKeys(crypto::random_string(32)), brake_, tls_, {}});
  const auto& wanted = config_->get(options::scram_mechanisms);
  for (const auto& mechanism : core::auth::mechanisms()) {
    if (mechanism.kind == core::auth::Mechanism::Kind::external) {  // each host decides: Login::offered
      login_->mechanisms.push_back(&mechanism);
      continue;
    }
    auto name = mechanism.name;
    if (mechanism.plus) name.remove_suffix(std::string_view("-PLUS").size());
    if (std::ranges::find(wanted, name) != wanted.end()) login_->mechanisms.push_back(&mechanism);
  }
}

Result<> App::open_log_and_committer(core::RecoveryOptions recovery) {
  std::unique_ptr<core::audit::Log> log;
  if (config_->get(options::audit_enabled)) {
    core::audit::LogOptions log_options;
    log_options.folder = config_->get(options::audit_path);
    log_options.segment_bytes = static_cast<std::uint64_t>(config_->get(options::audit_segment));
    auto opened = core::audit::Log::open(std::move(log_options));
    if (!opened) return std::unexpected(opened.error());
    log = std::move(*opened);
  }
  auto reader = store_->open_reader();
  if (!reader) return std::unexpected(reader.error());
  const auto recovered = core::recover(log.get(), **reader, [this] { return store_->open_writer(); }, recovery);
  if (!recovered) return std::unexpected(recovered.error());
  if (recovered->voided + recovered->recovered > 0) {
    log::warning("audit", "after a crash: {} records voided, {} written again", recovered->voided,
                 recovered->recovered);
  }
  core::CommitterOptions commit;
  commit.node = static_cast<unsigned>(config_->get(options::node));
  commit.last_id = kernel_.last_id = recovered->last_id;
  commit.gather_us = config_->get(options::commit_gather_us);
  commit.max_units = static_cast<std::size_t>(config_->get(options::commit_queue));
  commit.max_bytes = static_cast<std::size_t>(config_->get(options::commit_queue_bytes));
  committer_ = std::make_unique<core::Committer>(
      commit, std::move(log), [this] { return store_->open_writer(); },
      [this](unsigned shard, std::vector<core::UnitPtr> units) {
        kernel_.shards[shard]->post(
            [units = std::make_unique<std::vector<core::UnitPtr>>(std::move(units))] { core::finish(*units); });
      });
  kernel_.committer = committer_.get();
  return {};
}

Result<> App::start_shards() {
  for (auto& shard : kernel_.shards) {
    streams_.push_back(std::make_unique<stream::StreamHost>(*shard, gate_, tls_, *login_, streams_));
  }
  const auto http_settings = make_http_settings(*config_);
  const auto web_settings = make_web_settings(*config_);
  for (auto& host : streams_) host->configure(web_settings);
  for (auto& shard : kernel_.shards) {
    webs_.push_back(std::make_unique<Web>(*streams_[shard->index()], bosh_, tls_, http_settings));
    if (auto done = webs_.back()->add_routes(); !done) return done;
    shard->publish<http::Router>(webs_.back()->server().router());  // modules add their paths
  }
  for (auto& shard : kernel_.shards) {
    if (auto done = shard->start_modules(*config_); !done) return done;
  }
  using enum Socket::Kind;
  for (auto& socket : sockets_) {
    const bool web = socket.kind == https || socket.kind == http;
    if (socket.shard == 0) {
      constexpr std::string_view about[] = {"", " (direct TLS)", " (HTTPS)", " (HTTP, for proxies)"};
      log::info("net", "listening on {}{}", net::local_endpoint(socket.fd), about[std::to_underlying(socket.kind)]);
    }
    const int fd = std::exchange(socket.fd, -1);
    auto listening = web ? webs_[socket.shard]->server().listen(fd, socket.kind == https)
                         : streams_[socket.shard]->listen(fd, socket.kind == direct_tls);
    if (!listening) return listening;
  }
  handshakes_ = std::make_unique<net::Handshakes>(handshake_threads());
  for (auto& shard : kernel_.shards) {
    shard->loop().set_handshakes(handshakes_.get());
    threads_.emplace_back([&shard] { shard->loop().run(); });
  }
  running_ = true;
  look_at_memory();
  core::audit::Record record;
  record.kind = core::audit::Kind::start;
  kernel_.shards.front()->post([this, record]() mutable { kernel_.shards.front()->record(std::move(record)); });
  return {};
}

void App::look_at_memory() {
  const auto before = kernel_.memory.load(std::memory_order_relaxed);
  std::uint64_t strangers = 0;
  for (const auto& host : streams_) strangers += host->strangers_memory();
  const auto needs = memory_.look(config()->get(options::limits_memory), steady_ms(), strangers, before);
  kernel_.memory.store(needs.state, std::memory_order_relaxed);
  kernel_.crowded.store(needs.crowded, std::memory_order_relaxed);
  if (needs.state != before) {
    log::warning("main", "memory: {} of {} MiB, {} of them strangers'; {}", memory_.resident() >> 20,
                 memory_.limit() >> 20, strangers >> 20, name_of(needs.state));
  }
  if (needs.state >= core::MemoryState::high && kernel_.stats.detached.load(std::memory_order_relaxed) > 0) {
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      kernel_.shards[i]->post([host = streams_[i].get()] { host->end_some_detached(); });
    }
  }
  if (strangers == 0 && kernel_.stats.unauthenticated.load(std::memory_order_relaxed) == 0) return;
  const auto share = needs.from_strangers / streams_.size() + (needs.from_strangers > 0 ? 1 : 0);
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    kernel_.shards[i]->post(
        [host = streams_[i].get(), share, young_too = needs.crowded] { host->look_after_strangers(share, young_too); });
  }
}

void App::run_on_all(const std::function<void(core::Shard&)>& work) {
  std::vector<std::future<void>> done;
  for (auto& shard : kernel_.shards) {
    auto promise = std::make_shared<std::promise<void>>();
    done.push_back(promise->get_future());
    shard->post([&shard, &work, promise] {
      work(*shard);
      promise->set_value();
    });
  }
  for (auto& one : done) one.wait();
}

Ref<const config::Snapshot> App::config() const {
  const std::lock_guard lock(config_mutex_);
  return config_;
}

Result<Reloaded> App::reload() {
  const std::lock_guard one(reload_mutex_);
  auto done = load_again();
  if (!done) {
    log::error("main", "not reloaded: {}", done.error().text);
    record_admin("reload-failed", {});  // that it was tried; what was wrong may name what is nobody's business here
    return done;
  }
  log::info("main", "reloaded");
  for (const auto& option : done->needs_restart) log::warning("main", "{} changes at the next start", option);
  return done;
}

Result<Reloaded> App::load_again() {
  if (!log::reopen()) log::warning("main", "{} cannot be opened again", config_->get(options::log_file));
  const auto invalid = [](const std::vector<config::ConfigError>& errors) {
    std::string all;
    for (const auto& error : errors) all += (all.empty() ? "" : "\n") + error.message();
    return fail(ErrorCode::invalid, std::move(all));
  };
  std::vector<config::ConfigError> warnings;
  const auto loaded = load_checked(config_path_, registry_, warnings);
  if (!loaded) return invalid(loaded.error());
  const auto now = config::Snapshot::in_force(*config_, **loaded);
  if (const auto errors = prepare_modules(*now, warnings); !errors.empty()) return invalid(errors);
  if (auto done = load_certificates(*now); !done) return std::unexpected(done.error());
  Reloaded out{.needs_restart = config::Snapshot::restart_needed(*config_, **loaded), .warnings = {}};
  log::set_level(log_level(*now));
  for (const auto& warning : warnings) {
    log::warning("config", "{}", warning.message());
    out.warnings.push_back(warning.message());
  }
  const auto settings = make_settings(*now);
  const auto http_settings = make_http_settings(*now);
  const auto web_settings = make_web_settings(*now);
  run_on_all([&](core::Shard& shard) {
    shard.reconfigure(settings, *now);
    webs_[shard.index()]->server().configure(http_settings);
    streams_[shard.index()]->configure(web_settings);
  });
  record_reload(*config_, *now);
  {
    const std::lock_guard lock(config_mutex_);
    config_ = now;
  }
  look_at_memory();  // its limit may have changed
  return out;
}

void App::record_admin(std::string reason, std::string about, std::string memory) {
  core::audit::Record made;
  made.kind = core::audit::Kind::admin;
  made.reason = std::move(reason);
  made.recipient = std::move(about);
  made.rule = std::move(memory);
  auto& shard = *kernel_.shards.front();
  shard.post([&shard, made]() mutable { shard.record(std::move(made)); });
}

// Who reads the log later has to see since when something was allowed to pass in the clear.
void App::record_reload(const config::Snapshot& before, const config::Snapshot& now) {
  record_admin("reload", {});
  const auto moment = utc_now_ms();
  for (const auto& host : now.hosts()) {
    const auto mode = modules::omemo::host_modes(now, host).of_host(moment).mode;
    if (mode > modules::omemo::host_modes(before, host).of_host(moment).mode) {
      record_admin(mode == core::Sealing::Mode::off ? "reload-sealed-off" : "reload-sealed-warn", host);
      log::warning("main", "{}: sealed.mode is {}: content may pass in the clear", host, name_of(mode));
    }
    const auto exceptions = modules::omemo::exceptions_of(now, host);
    if (exceptions == modules::omemo::exceptions_of(before, host)) continue;
    record_admin("reload-sealed-exceptions", host);
    if (!exceptions.empty()) log::warning("main", "{}: who may send in the clear has changed", host);
  }
}

void App::stop() {
  if (!running_) return;
  running_ = false;
  save_known_networks();
  const auto limit = std::chrono::seconds(config_->get(options::timeouts_shutdown));
  const auto streams_limit = std::chrono::duration_cast<std::chrono::milliseconds>(limit) / 2;
  std::vector<std::future<void>> done;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    auto promise = std::make_shared<std::promise<void>>();
    done.push_back(promise->get_future());
    kernel_.shards[i]->post([host = streams_[i].get(), web = webs_[i].get(), promise, streams_limit] {
      web->server().shut_down();
      host->shut_down(streams_limit.count(), [promise] { promise->set_value(); });
    });
  }
  for (auto& one : done) one.wait_for(limit);
  run_on_all([](core::Shard& shard) { shard.stop_modules(); });
  core::audit::Record record;
  record.kind = core::audit::Kind::stop;
  kernel_.shards.front()->post([this, record]() mutable { kernel_.shards.front()->record(std::move(record)); });
  run_on_all([](core::Shard&) {});
  committer_->drain_and_stop(std::chrono::duration_cast<std::chrono::milliseconds>(limit) / 2);
  run_on_all([](core::Shard&) {});  // completions that came last
  // What they still bring comes while the shards are there for it.
  readers_->stop();
  workers_->stop();
  handshakes_->stop();
  run_on_all([](core::Shard&) {});
  if (const auto settled = store_->settle(); !settled) log::warning("storage", "{}", settled.error().text);
  for (auto& shard : kernel_.shards) shard->loop().stop();
  for (auto& thread : threads_) thread.join();
  streams_.clear();
  webs_.clear();
  kernel_.shards.clear();
}

}  // namespace valise
