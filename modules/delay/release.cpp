#include <algorithm>

#include "base/clock.hpp"
#include "base/fault.hpp"
#include "base/log.hpp"
#include "core/account_change.hpp"
#include "core/namespaces.hpp"
#include "core/services.hpp"
#include "modules/delay/module.hpp"

namespace valise::modules::delay {
namespace {

constexpr std::int64_t longest_sleep_ms = 60'000;  // the clock may be set
constexpr std::int64_t retry_ms = 5'000;

// As it was when it was held back. Null: the row holds no message.
std::unique_ptr<core::Flow> flow_of(const storage::HeldMessage& row) {
  auto document = xml::parse_element(row.stanza, core::ns::client);
  auto from = core::Jid::parse(row.from);
  auto to = core::Jid::parse(row.to);
  if (!document || !from || !to) return nullptr;
  auto stanza = core::make_stanza(std::move(document));
  if (!stanza || !*stanza || (*stanza)->kind != core::Kind::message) return nullptr;
  auto flow = std::make_unique<core::Flow>();
  flow->stanza = std::move(*stanza);
  flow->stanza->from = std::move(*from);
  flow->stanza->to = std::move(*to);
  flow->since_ms = IdGenerator::utc_ms(row.id);
  flow->sealing.unsealed = row.unsealed;
  const auto& sender = flow->stanza->from;
  flow->record.origin =
      make_ref<core::audit::Origin>(core::audit::Origin::Members{.jid = sender.bare(), .resource = sender.resource()});
  flow->record.reason = row.reason.empty() ? "delay-over" : row.reason;
  flow->record.rule = row.rule;
  return flow;
}

}  // namespace

// Tells when nothing of a page is under way any more.
struct Release::Page {
  Page(core::Shard& first, std::weak_ptr<Release> release) : shard(first), whose(std::move(release)) {}
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;
  ~Page() {
    shard.post([whose = std::move(whose), all = open.load() == 0] {
      if (const auto release = whose.lock()) release->page_done(all);
    });
  }
  core::Shard& shard;
  std::weak_ptr<Release> whose;
  std::atomic<std::size_t> open = 0;  // rows that are where they were
};

Release::Release(core::Shard& shard)
    : shard_(shard), timer_([](void* self) { static_cast<Release*>(self)->look(); }, this) {}

void Release::start() {
  shard_.read([](storage::Reader& reader) { return reader.held_due(std::numeric_limits<std::int64_t>::max(), {}, 1); },
              [self = weak_from_this()](Result<std::vector<storage::HeldMessage>> first) {
                const auto release = self.lock();
                if (!release || release->stopped_) return;
                if (!first) {
                  log::warning("delay", "what is held back could not be read: {}", first.error().text);
                  release->next_ms_ = 1;  // it may be due
                  return release->arm(retry_ms);
                }
                if (!first->empty()) release->expect(first->front().due_ms);
              });
}

void Release::stop() {
  stopped_ = true;
  timer_.cancel();
}

void Release::expect(std::int64_t due_ms) {
  if (next_ms_ == 0 || due_ms < next_ms_) next_ms_ = std::max<std::int64_t>(due_ms, 1);
  look();
}

void Release::arm(std::int64_t delay_ms) {
  shard_.loop().timers().arm(timer_, shard_.loop().now_ms(), std::clamp<std::int64_t>(delay_ms, 1, longest_sleep_ms));
}

void Release::look() {
  if (stopped_ || runs_ || next_ms_ == 0) return;
  const auto now = utc_now_ms();
  if (next_ms_ > now) return arm(next_ms_ - now);
  runs_ = true;
  failed_ = false;
  next_ms_ = 0;
  read_to_ = {};
  read_page();
}

void Release::read_page() {
  shard_.read([now = utc_now_ms(),
               after = read_to_](storage::Reader& reader) { return reader.held_due(now, after, page_size); },
              [self = weak_from_this()](Result<std::vector<storage::HeldMessage>> rows) {
                const auto release = self.lock();
                if (!release || release->stopped_) return;
                if (rows) return release->give_back(std::move(*rows));
                log::warning("delay", "what is due could not be read: {}", rows.error().text);
                release->failed_ = true;
                release->run_ends();
              });
}

void Release::give_back(std::vector<storage::HeldMessage> rows) {
  last_page_ = rows.size() < page_size;
  if (rows.empty()) return run_ends();
  read_to_ = {rows.back().due_ms, rows.back().id};
  const auto page = std::make_shared<Page>(shard_, weak_from_this());
  page->open = rows.size();
  VALISE_FAULT("delay.release.before");
  for (const auto& row : rows) {
    auto flow = flow_of(row);
    if (!flow) {
      log::error("delay", "held message {} in the store is damaged and was left out", row.id);
      auto unit = std::make_unique<core::Unit>();
      unit->writes.emplace_back(storage::RemoveHeld{row.id});
      unit->done = [page](core::Unit& finished) { page->open -= finished.outcome ? 1 : 0; };
      shard_.commit(std::move(unit));
      continue;
    }
    flow->held = std::make_unique<core::HeldRow>(row.id);
    const auto to = *flow->stanza->to;
    shard_.on_home(to, [page, flow = std::move(flow)](core::Shard& home, core::Account* account) mutable {
      if (account == nullptr) return;  // the store is away: its row is there
      flow->held->gone = [page, &home, name = account->jid.str(), row = flow->held->id] {
        --page->open;
        home.service<DelayModule>()->gave_back(name, row);
      };
      // What an earlier setting let in is not shown (docs/sealed.md 3.6).
      if (auto refused = core::recheck(home.service<core::SealedContent>(), *flow->stanza)) {
        return home.refuse(std::move(*flow), std::move(refused));
      }
      home.enter(std::move(flow));
    });
  }
}

void Release::page_done(bool all) {
  if (stopped_) return;
  failed_ = failed_ || !all;
  if (last_page_) return run_ends();
  read_page();
}

void Release::run_ends() {
  runs_ = false;
  if (failed_) {  // what stayed is due
    next_ms_ = 1;
    return arm(retry_ms);
  }
  start();
}

void Release::release(const core::Jid& account, std::move_only_function<void(Result<>)> done) {
  auto unit = std::make_unique<core::Unit>();
  if (shard_.settings().audit) unit->record = core::about_account(account, "delay-release");
  unit->writes.emplace_back(storage::SetHeldDue{account.str(), utc_now_ms()});
  unit->done = [self = weak_from_this(), done = std::move(done)](core::Unit& finished) mutable {
    const auto release = self.lock();
    if (finished.outcome && release) release->expect(1);
    done(std::move(finished.outcome));
  };
  shard_.commit(std::move(unit));
}

}  // namespace valise::modules::delay
