#include "main/app.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/options.hpp"
#include "core/auth/mechanism.hpp"
#include "core/recovery.hpp"
#include "main/login_secret.hpp"
#include "main/modules.hpp"
#include "main/privileges.hpp"
#include "main/settings.hpp"

namespace valise {
namespace options = config::options;

App::App(std::string config_path, config::Registry& registry, Ref<const config::Snapshot> config)
    : config_path_(std::move(config_path)), registry_(registry), config_(std::move(config)),
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

Result<> App::start() {
  if (auto done = load_certificates(*config_); !done) return done;
  if (auto done = open_sockets(); !done) return done;
  if (auto done = drop_privileges(config_->get(options::run_user), config_->get(options::run_chroot)); !done) return done;
  if (auto done = open_storage(); !done) return done;
  prepare_login();
  const auto beside_store = std::filesystem::path(config_->get(options::storage_sqlite_path)).parent_path().string();
  const auto& state = config_->get(options::state_path);
  const bool sqlite = config_->get(options::storage_backend) == config::Backend::sqlite;
  auto secret = login_secret(!state.empty() ? state : sqlite ? beside_store : "/var/lib/valise", beside_store);
  if (!secret) return std::unexpected(secret.error());
  login_->fake_keys = core::auth::FakeKeys(std::move(*secret),
                                           static_cast<unsigned>(config_->get(options::scram_iterations)));
  const auto count = config_->get(options::shards);
  const auto shards = count > 0 ? static_cast<unsigned>(count) : std::max(1u, std::thread::hardware_concurrency());
  kernel_.cluster = std::make_unique<core::SingleNode>();
  kernel_.modules = all_modules();
  kernel_.started_ms = utc_now_ns() / 1'000'000;
  const auto settings = make_settings(*config_);
  for (unsigned i = 0; i < shards; ++i) kernel_.shards.push_back(std::make_unique<core::Shard>(kernel_, i, settings));
  if (auto done = open_log_and_committer(); !done) return done;
  return start_shards();
}

Result<> App::load_certificates(const config::Snapshot& config) {
  auto contexts = net::TlsContexts::load(make_tls_settings(config), tickets_);
  if (!contexts) return std::unexpected(contexts.error());
  for (const auto& certificate : (*contexts)->certificates()) {
    const auto days = (certificate.not_after_ms - utc_now_ns() / 1'000'000) / 86'400'000;
    if (days <= 30) log::warning("tls", "the certificate of {} expires in {} days", certificate.host, days);
  }
  tls_.set(std::move(*contexts));
  return {};
}

// Every shard listens on every address (SO_REUSEPORT): opened before privileges are dropped.
Result<> App::open_sockets() {
  const auto count = config_->get(options::shards);
  const auto shards = count > 0 ? static_cast<unsigned>(count) : std::max(1u, std::thread::hardware_concurrency());
  const auto open_all = [&](const std::vector<std::string>& addresses, bool direct_tls) -> Result<> {
    for (const auto& address : addresses) {
      for (unsigned shard = 0; shard < shards; ++shard) {
        auto fd = net::open_listening_socket(address);
        if (!fd) return std::unexpected(fd.error());
        sockets_.push_back({*fd, direct_tls, shard});
      }
      log::info("net", "listening on {}{}", address, direct_tls ? " (direct TLS)" : "");
    }
    return {};
  };
  if (auto done = open_all(config_->get(options::listen_c2s), false); !done) return done;
  return open_all(config_->get(options::listen_c2s_tls), true);
}

Result<> App::open_storage() {
  auto store = open_store(*config_);
  if (!store) return std::unexpected(store.error());
  store_ = std::move(*store);
  if (auto done = store_->migrate(); !done) return done;
  log::info("storage", "{}", store_->describe());
  readers_ = std::make_unique<storage::ReadPool>(
      *store_, static_cast<unsigned>(config_->get(options::storage_read_threads)), 16'384);
  kernel_.readers = readers_.get();
  return {};
}

void App::prepare_login() {
  login_ = std::make_unique<stream::LoginShared>(
      stream::LoginShared{core::auth::FakeKeys(crypto::random_string(32)), brake_, {}});
  const auto& wanted = config_->get(options::scram_mechanisms);
  for (const auto& mechanism : core::auth::mechanisms()) {
    auto name = mechanism.name;
    if (mechanism.plus) name.remove_suffix(std::string_view("-PLUS").size());
    if (std::ranges::find(wanted, name) != wanted.end()) login_->mechanisms.push_back(&mechanism);
  }
}

Result<> App::open_log_and_committer() {
  std::unique_ptr<core::audit::Log> log;
  if (config_->get(options::audit_enabled)) {
    core::audit::LogOptions log_options;
    log_options.folder = config_->get(options::audit_path);
    log_options.segment_entries = static_cast<std::uint64_t>(config_->get(options::audit_segment_entries));
    auto opened = core::audit::Log::open(std::move(log_options));
    if (!opened) return std::unexpected(opened.error());
    log = std::move(*opened);
  }
  auto reader = store_->open_reader();
  if (!reader) return std::unexpected(reader.error());
  const auto recovered = core::recover(log.get(), **reader);
  if (!recovered) return std::unexpected(recovered.error());
  if (recovered->voided + recovered->recovered > 0) {
    log::warning("audit", "after a crash: {} records voided, {} written again", recovered->voided, recovered->recovered);
  }
  core::CommitterOptions commit;
  commit.node = static_cast<unsigned>(config_->get(options::node));
  commit.last_id = recovered->last_id;
  commit.gather_us = config_->get(options::commit_gather_us);
  commit.max_units = static_cast<std::size_t>(config_->get(options::commit_queue));
  commit.max_bytes = static_cast<std::size_t>(config_->get(options::commit_queue_bytes));
  committer_ = std::make_unique<core::Committer>(
      commit, std::move(log), [this] { return store_->open_writer(); },
      [this](unsigned shard, std::vector<core::UnitPtr> units) {
        kernel_.shards[shard]->post([units = std::make_unique<std::vector<core::UnitPtr>>(std::move(units))] {
          for (auto& unit : *units) {
            if (unit->done) unit->done(*unit);
          }
        });
      });
  kernel_.committer = committer_.get();
  return {};
}

Result<> App::start_shards() {
  for (auto& shard : kernel_.shards) {
    streams_.push_back(std::make_unique<stream::StreamHost>(*shard, gate_, tls_, *login_, streams_));
  }
  for (auto& shard : kernel_.shards) {
    if (auto done = shard->start_modules(*config_); !done) return done;
  }
  for (auto& socket : sockets_) {
    auto listening = streams_[socket.shard]->listen(std::exchange(socket.fd, -1), socket.direct_tls);
    if (!listening) return listening;
  }
  for (auto& shard : kernel_.shards) {
    threads_.emplace_back([&shard] { shard->loop().run(); });
  }
  running_ = true;
  core::audit::Record record;
  record.kind = core::audit::Kind::start;
  kernel_.shards.front()->post([this, record]() mutable { kernel_.shards.front()->record(std::move(record)); });
  return {};
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

Result<std::vector<std::string>> App::reload() {
  const std::lock_guard one(reload_mutex_);
  auto loaded = config::load(config_path_, registry_);
  if (!loaded) return fail(ErrorCode::invalid, loaded.error().front().message());
  if (const auto problems = config::check_together(**loaded); !problems.empty()) {
    return fail(ErrorCode::invalid, problems.front().message());
  }
  if (auto checked = check_modules(**loaded); !checked) return std::unexpected(checked.error());
  if (auto done = load_certificates(**loaded); !done) return std::unexpected(done.error());
  auto needs = config::Snapshot::restart_needed(*config_, **loaded);
  const auto settings = make_settings(**loaded);
  run_on_all([&](core::Shard& shard) { shard.reconfigure(settings, **loaded); });
  const std::lock_guard lock(config_mutex_);
  config_ = std::move(*loaded);
  return needs;
}

void App::stop() {
  if (!running_) return;
  running_ = false;
  const auto limit = std::chrono::seconds(config_->get(options::timeouts_shutdown));
  const auto streams_limit = std::chrono::duration_cast<std::chrono::milliseconds>(limit) / 2;
  std::vector<std::future<void>> done;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    auto promise = std::make_shared<std::promise<void>>();
    done.push_back(promise->get_future());
    kernel_.shards[i]->post([host = streams_[i].get(), promise, streams_limit] {
      host->shut_down(streams_limit.count(), [promise] { promise->set_value(); });
    });
  }
  for (auto& one : done) one.wait_for(limit);
  core::audit::Record record;
  record.kind = core::audit::Kind::stop;
  kernel_.shards.front()->post([this, record]() mutable { kernel_.shards.front()->record(std::move(record)); });
  run_on_all([](core::Shard&) {});
  committer_->drain_and_stop(std::chrono::duration_cast<std::chrono::milliseconds>(limit) / 2);
  run_on_all([](core::Shard&) {});  // completions that came last
  readers_.reset();
  kernel_.readers = nullptr;
  for (auto& shard : kernel_.shards) shard->loop().stop();
  for (auto& thread : threads_) thread.join();
  streams_.clear();
  kernel_.shards.clear();
}

}  // namespace valise
