// What a record-only unit costs: flat out, and at 500 a second. Not a test: prints figures.
//   commit_bench [folder]    folder on the disk to measure; the log is written to a new folder below it
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <thread>

#include "core/committer.hpp"

using namespace valise;
using namespace valise::core;
using Clock = std::chrono::steady_clock;

namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}
double cpu_seconds(int who) {
  rusage usage{};
  getrusage(who, &usage);
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

Ref<const audit::Origin> some_origin() {
  return make_ref<const audit::Origin>(audit::Origin::Members{.jid = "claire.martin@interieur.example",
                                                              .resource = "gajim.X3K9QW2Z",
                                                              .session = "1048577",
                                                              .source = "[2001:db8:12:34::5678]:51234",
                                                              .tls = "TLSv1.3",
                                                              .cipher = "TLS_AES_256_GCM_SHA384",
                                                              .mechanism = "SCRAM-SHA-256-PLUS"});
}

audit::Record some_record(const Ref<const audit::Origin>& origin) {
  audit::Record record;
  record.type = audit::StanzaType::chat;
  record.encryption = audit::Encryption::legacy;
  record.verdict = audit::Outcome::delivered;
  record.sender_device = 1'234'567'890;
  record.recipient_keys = 5;
  record.size = 970;
  record.origin = origin;
  record.recipient = "jean.dupont@interieur.example";
  record.stanza_id = "6f1c1e0a-5d0c-4b7e-9a5e-0f3a7be2d1c4";
  return record;
}

void measure_encoding() {
  const auto origin = some_origin();
  const auto record = some_record(origin);
  constexpr int rounds = 1'000'000;
  std::string out;
  const auto start = Clock::now();
  for (int i = 0; i < rounds; ++i) {
    out.clear();
    append_json(out, record);
  }
  std::printf("encode: %.0f ns a record of %zu bytes\n", since(start) / rounds * 1e9, out.size());
}

// Counts completions and measures how long each unit took.
struct Meter {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t completed = 0;
  std::vector<double> latencies_ms;

  void take(std::vector<UnitPtr> units) {
    const auto now = Clock::now().time_since_epoch().count();
    {
      const std::lock_guard lock(mutex);
      completed += units.size();
      for (const auto& unit : units) {
        // The time of submission travels in the record's size, which nobody else needs here.
        const auto us = static_cast<std::uint32_t>(now / 1000) - unit->record->size;
        latencies_ms.push_back(us / 1000.0);
      }
    }
    changed.notify_all();
  }
  double quantile(double q) {
    std::sort(latencies_ms.begin(), latencies_ms.end());
    return latencies_ms.empty() ? 0 : latencies_ms[static_cast<std::size_t>(q * double(latencies_ms.size() - 1))];
  }
};

UnitPtr some_unit(const Ref<const audit::Origin>& origin) {
  auto unit = std::make_unique<Unit>();
  unit->record = some_record(origin);
  unit->record->size = static_cast<std::uint32_t>(Clock::now().time_since_epoch().count() / 1000);
  return unit;
}

// `rate` 0: flat out with `outstanding` units under way.
void run(const std::string& folder, const char* name, double rate, std::size_t outstanding, double seconds) {
  auto log = audit::Log::open({.folder = folder + "/" + name});
  if (!log) {
    std::printf("%s\n", log.error().text.c_str());
    return;
  }
  Meter meter;
  Committer committer({}, std::move(*log), {},
                      [&](unsigned, std::vector<UnitPtr> units) { meter.take(std::move(units)); });
  const auto origin = some_origin();
  const double cpu = cpu_seconds(RUSAGE_SELF);
  double own = cpu_seconds(RUSAGE_THREAD);
  const auto start = Clock::now();
  std::size_t sent = 0;
  while (since(start) < seconds) {
    if (rate > 0) {
      std::this_thread::sleep_until(
          start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(double(sent) / rate)));
    } else {
      std::unique_lock lock(meter.mutex);
      meter.changed.wait(lock, [&] { return sent - meter.completed < outstanding; });
    }
    const std::size_t burst = rate > 0 ? 1 : std::min<std::size_t>(16, outstanding);
    for (std::size_t i = 0; i < burst; ++i, ++sent) {
      auto unit = some_unit(origin);
      if (!committer.submit(unit)) std::printf("refused\n");
    }
  }
  {
    std::unique_lock lock(meter.mutex);
    meter.changed.wait(lock, [&] { return meter.completed == sent; });
  }
  const double elapsed = since(start);
  own = cpu_seconds(RUSAGE_THREAD) - own;
  const double used = cpu_seconds(RUSAGE_SELF) - cpu;
  const auto batches = committer.stats().batches.load();
  std::printf(
      "%-12s %8.0f units/s  %6.2f µs CPU a unit (committer %.2f, submitter %.2f)  batch %.1f  "
      "latency ms p50 %.2f p99 %.2f max %.2f\n",
      name, double(sent) / elapsed, used / double(sent) * 1e6, (used - own) / double(sent) * 1e6,
      own / double(sent) * 1e6, double(sent) / double(batches), meter.quantile(0.5), meter.quantile(0.99),
      meter.quantile(1));
}

}  // namespace

int main(int argc, char** argv) {
  auto folder = std::filesystem::path(argc > 1 ? argv[1] : ".") / "commit_bench_XXXXXX";
  std::string name = folder.string();
  if (::mkdtemp(name.data()) == nullptr) {
    std::perror(name.c_str());
    return 1;
  }
  measure_encoding();
  run(name, "flat-out", 0, 4'000, 5);
  run(name, "window-200", 0, 200, 3);
  run(name, "window-10", 0, 10, 3);
  run(name, "rate-5000", 5'000, 0, 3);
  run(name, "rate-500", 500, 0, 5);
  run(name, "rate-100", 100, 0, 3);
  std::filesystem::remove_all(name);
  return 0;
}
