// valised put together: everything that exists once a process, and the order in which it comes and goes.
//
//   start: configuration → chroot → sockets bound → privileges dropped → certificates → store, migrations → log →
//          recovery → committer, readers → shards → listeners → ready
//   stop:  listeners → streams (polite end) → committer drained → log and store closed
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/load.hpp"
#include "core/auth/brake.hpp"
#include "core/committer.hpp"
#include "core/kernel.hpp"
#include "core/recovery.hpp"
#include "core/shard.hpp"
#include "core/work_pool.hpp"
#include "main/memory_watch.hpp"
#include "main/privileges.hpp"
#include "main/web.hpp"
#include "net/handshakes.hpp"
#include "stream/host.hpp"

namespace valise {

// What a reload put in force, and what it did not.
struct Reloaded {
  std::vector<std::string> needs_restart;  // options that change at the next start
  std::vector<std::string> warnings;
};

class App {
 public:
  // `user`: whom to become.
  App(std::string config_path, config::Registry& registry, Ref<const config::Snapshot> config,
      std::optional<User> user);
  ~App();

  // Errors are for the administrator: one line, what and where.
  [[nodiscard]] Result<> start(core::RecoveryOptions recovery = {});
  void stop();  // at most timeouts.shutdown, then what is left is cut off
  // Reads the configuration again and opens the operational log anew; logged and recorded, whoever asked. An error (all
  // that were found, a line each) leaves everything as it was. Returns what needs a restart to change.
  [[nodiscard]] Result<Reloaded> reload();

  // Which account is known on which network: main thread, every few minutes; stop() does it too.
  void save_known_networks();

  // Measures what the process takes, gives free memory back to the system and lets the streams follow. Any thread.
  void look_at_memory();
  [[nodiscard]] MemoryWatch& memory() noexcept { return memory_; }

  // A record of kind admin, from any thread. `about`: an account or host; `memory`: of the rules, if it is about one.
  void record_admin(std::string reason, std::string about, std::string memory = {});
  [[nodiscard]] core::Kernel& kernel() noexcept { return kernel_; }
  [[nodiscard]] Ref<const config::Snapshot> config() const;  // any thread
  [[nodiscard]] const core::Committer* committer() const noexcept { return committer_.get(); }
  [[nodiscard]] storage::Store* store() noexcept { return store_.get(); }
  [[nodiscard]] core::auth::Brake& brake() noexcept { return brake_; }
  [[nodiscard]] stream::TlsHolder& tls() noexcept { return tls_; }
  // Of this shard; on its thread.
  [[nodiscard]] const stream::StreamHost& streams(unsigned shard) const noexcept { return *streams_[shard]; }

 private:
  struct Socket {
    enum class Kind : std::uint8_t { starttls, direct_tls, https, http };
    int fd;
    Kind kind;
    unsigned shard;
  };
  void read_known_networks();
  Result<> bind_sockets();
  Result<> load_certificates(const config::Snapshot& config);
  Result<> open_storage();
  Result<> open_log_and_committer(core::RecoveryOptions recovery);
  Result<> start_shards();
  void prepare_login();
  Result<Reloaded> load_again();
  void record_reload(const config::Snapshot& before, const config::Snapshot& now);
  void run_on_all(const std::function<void(core::Shard&)>& work);

  const std::string config_path_;
  std::string state_folder_;  // state.path or what stands for it
  config::Registry& registry_;
  const std::optional<User> user_;
  Ref<const config::Snapshot> config_;  // what is in force
  std::shared_ptr<net::TicketKeys> tickets_;
  stream::TlsHolder tls_;
  stream::Gate gate_;
  core::auth::Brake brake_;
  std::unique_ptr<stream::LoginShared> login_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<storage::ReadPool> readers_;
  std::unique_ptr<core::WorkPool> workers_;
  std::unique_ptr<net::Handshakes> handshakes_;
  core::Kernel kernel_;
  MemoryWatch memory_;
  std::unique_ptr<core::Committer> committer_;
  std::vector<std::unique_ptr<stream::StreamHost>> streams_;
  stream::BoshDirectory bosh_;
  std::vector<std::unique_ptr<Web>> webs_;
  std::vector<std::thread> threads_;
  std::vector<Socket> sockets_;
  bool running_ = false;
  mutable std::mutex config_mutex_;  // guards config_ once the threads run
  std::mutex reload_mutex_;          // one reload at a time: a signal and valisectl may ask at once
};

}  // namespace valise
