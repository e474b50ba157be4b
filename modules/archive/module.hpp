// The room's inside: one object a shard.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fifo.hpp"
#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/archive/query.hpp"
#include "modules/archive/recent.hpp"
#include "modules/archive/shown.hpp"
#include "modules/archive/wishes.hpp"
#include "net/timer_wheel.hpp"

namespace valise::modules::archive {

// Rows of DataKind::archive.
inline constexpr std::string_view wishes_row = "prefs";
inline constexpr std::string_view keep_row = "keep";  // days, decimal

// What the configuration says about one host.
struct HostRules {
  Default otherwise = Default::always;  // of who has said nothing
  std::uint32_t keep_days = 0;          // 0: for ever
  bool show_unsealed = false;
};

// Of an account.
struct Archive final : core::Part {
  std::optional<Wishes> wishes;
  std::optional<std::uint32_t> keep_days;  // an administrator's word
  Recent recent;
};

class ArchiveModule final : public core::Module, public core::Archives {
 public:
  explicit ArchiveModule(core::Shard& shard);
  ~ArchiveModule() override;
  void start(core::Registrar& registrar) override;
  void configure(const config::Snapshot& snapshot) override;
  [[nodiscard]] core::Features features(const std::string& host) const override;

  // core::Archives
  [[nodiscard]] KeptFor kept_for(const core::Account& account) const override;
  void keep_for(core::Account& account, std::optional<std::uint32_t> days, core::audit::Record record,
                std::move_only_function<void(Result<>)> done) override;
  void expire(std::move_only_function<void(Result<std::uint64_t>)> done) override;

 private:
  // Queries of one session are answered one after the other: the next begins when the kernel has all of this one.
  struct Line final : core::Part {
    bool busy = false;
    Fifo<std::pair<core::IqRequest, Query>> waiting;
  };
  struct LastResult;
  struct Sweep;

  // Where nobody said or sent anything there is none: to read, and to change.
  [[nodiscard]] const Archive& said(const core::Account& account) const {
    return account.part_or_empty<Archive>(account_slot_);
  }
  [[nodiscard]] Archive& archive(core::Account& account) const { return account.ensure_part<Archive>(account_slot_); }
  [[nodiscard]] const HostRules& rules(std::string_view host) const;
  [[nodiscard]] bool is_on(std::string_view host) const;
  [[nodiscard]] Wishes wishes_of(const core::Account& account) const;

  // ---- keeping.cpp
  [[nodiscard]] bool keeps(const core::Account& account, const core::Jid& peer) const;
  core::Verdict sent(core::Flow& flow) const;
  core::Verdict received(core::Flow& flow) const;

  // ---- requests.cpp
  void get_wishes(core::IqRequest request);
  void set_wishes(core::IqRequest request);
  void metadata(core::IqRequest request);
  void metadata_at_bind(const std::string& owner, core::BoundAnswer say);
  void get_form(core::IqRequest request);
  void query(core::IqRequest request);

  // ---- answers.cpp
  void begin(core::Session& session, core::IqRequest request, Query query);
  void answer(core::Session& session, core::IqRequest request, const Query& query, Found found);
  void deliver(core::Session& session, core::IqRequest request, const Query& query, Found found);
  void next(core::Session& session);

  // ---- expiry.cpp
  void keep_by_rules(std::string_view owner, std::vector<std::uint64_t>& ids) const;
  static constexpr std::int64_t first_sweep_ms = 10LL * 60 * 1000;  // behind the start
  void sweep_later(std::int64_t delay_ms);
  void sweep_begins();
  void sweep_reads();
  void sweep_writes(Result<Expired> found);
  void sweep_ends(Result<> outcome);

  core::Shard& shard_;
  unsigned account_slot_ = 0;
  unsigned session_slot_ = 0;
  std::size_t max_queries_ = 4;
  core::TextMap<HostRules> hosts_;
  std::unique_ptr<Sweep> sweep_;
  net::Timer next_sweep_;
};

}  // namespace valise::modules::archive
