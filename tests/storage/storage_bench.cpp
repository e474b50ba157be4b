// Cost and rate of the hot writes: PutMessage with one box, MarkDelivered without and with keeping, on both stores.
//   storage_bench [sqlite|mariadb|all] [messages stored before: 0] [owners: 10000] [messages a figure: 20000]
// With a fifth number: instead, what a page of an archive of so many messages takes.
// CPU is this process's (the client side of MariaDB; all of SQLite, checkpoints included), and beside it that of
// mariadbd.
#include <fmt/core.h>
#include <sys/resource.h>

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include "base/clock.hpp"
#include "mariadb_server.hpp"

namespace valise::storage::testing {
namespace {

double own_cpu() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double cpu_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Bench {
  Writer& writer;
  pid_t server;
  int owners;
  int messages;
  std::mt19937 random{7};
  std::uint64_t id = IdGenerator::first_of(1'764'000'000'000);
  std::string stanza = make_stanza();

  std::string make_stanza() {
    std::string text(970, ' ');
    for (char& c : text) c = static_cast<char>('a' + random() % 26);
    return text;
  }
  std::string owner() {
    return fmt::format("prenom.nom{}@interieur.gouv.fr", random() % static_cast<unsigned>(owners));
  }

  std::vector<WriteSet> puts(int count) {
    std::vector<WriteSet> sets;
    for (int i = 0; i < count; ++i) {
      const auto to = owner();
      const auto peer = owner();
      sets.push_back({.id = id += 1 << 12,
                      .writes = {PutMessage{{.from = peer + "/gajim.ABCD1234",
                                             .to = to,
                                             .stanza_id = "3f0c8a52-1d6e-4c1b",
                                             .digest = "0123456789abcdef",
                                             .stanza = stanza},
                                            {{to, peer}}}}});
    }
    return sets;
  }
  std::vector<WriteSet> marks(const std::vector<WriteSet>& puts, bool keep) {
    std::vector<WriteSet> sets;
    for (const auto& put : puts) {
      sets.push_back({.id = id += 1 << 12,
                      .writes = {MarkDelivered{std::get<PutMessage>(put.writes[0]).boxes[0].owner, {put.id}, keep}}});
    }
    return sets;
  }
  // As with archives: both sides have it.
  std::vector<WriteSet> archived_puts(int count) {
    auto sets = puts(count);
    for (auto& set : sets) {
      auto& boxes = std::get<PutMessage>(set.writes[0]).boxes;
      boxes[0].delivered = true;
      boxes.push_back({boxes[0].peer, boxes[0].owner, Direction::out, true});
    }
    return sets;
  }
  // Commits the sets in batches; returns each commit's time in ms.
  std::vector<double> commit(const std::vector<WriteSet>& sets, std::size_t batch) {
    std::vector<double> times;
    std::vector<const WriteSet*> pointers;
    for (std::size_t i = 0; i < sets.size(); i += batch) {
      pointers.clear();
      for (std::size_t j = i; j < std::min(i + batch, sets.size()); ++j) pointers.push_back(&sets[j]);
      const double begun = now();
      if (auto done = writer.commit(pointers); !done) {
        fmt::print(stderr, "{}\n", done.error().text);
        std::exit(1);
      }
      times.push_back((now() - begun) * 1e3);
    }
    return times;
  }
  void measure(const char* what, const std::vector<WriteSet>& sets, std::size_t batch) {
    const double cpu = own_cpu(), server_cpu = server > 0 ? cpu_of(server) : 0, begun = now();
    auto times = commit(sets, batch);
    const double seconds = now() - begun, per = 1e6 / static_cast<double>(sets.size());
    std::ranges::sort(times);
    fmt::print("{:<24} {:>6} {:>10.0f} {:>10.1f} {:>12.1f} {:>9.2f} {:>9.2f} {:>9.2f}\n", what, batch,
               static_cast<double>(sets.size()) / seconds, (own_cpu() - cpu) * per,
               server > 0 ? (cpu_of(server) - server_cpu) * per : 0.0, times[times.size() / 2],
               times[times.size() * 99 / 100], times.back());
  }
  void fill(int stored) {
    for (int i = 0; i < stored; i += 1000) {
      const auto sets = puts(std::min(1000, stored - i));
      commit(sets, 1000);
      commit(marks(sets, true), 1000);
    }
  }
  void run() {
    fmt::print("{:<24} {:>6} {:>10} {:>10} {:>12} {:>9} {:>9} {:>9}\n", "write", "batch", "writes/s", "CPU µs",
               "mariadbd µs", "p50 ms", "p99 ms", "max ms");
    for (const std::size_t batch : {1, 10, 100, 500}) {
      const int count = batch == 1 ? messages / 10 : messages;
      const auto archived = puts(count);
      measure("put", archived, batch);
      measure("deliver, keep", marks(archived, true), batch);
      const auto offline = puts(count);
      commit(offline, 500);
      measure("deliver, drop", marks(offline, false), batch);
      measure("put, both archive", archived_puts(count), batch);
    }
  }
};

// A page of 50 out of an archive of `stored` messages with ten people, in ms: the middle and the worst of 200.
void measure_pages(Writer& writer, Reader& reader, int stored) {
  const std::string me = "moi@interieur.gouv.fr";
  const std::string stanza(970, 'x');
  std::mt19937 random{11};
  std::uint64_t id = IdGenerator::first_of(1'766'000'000'000);
  const auto first = id;
  for (int i = 0; i < stored; i += 1000) {
    std::vector<WriteSet> sets;
    std::vector<const WriteSet*> pointers;
    for (int j = 0; j < 1000; ++j) {
      const bool rare = (i + j) % 20'000 == 7;
      const auto peer =
          rare ? std::string("rare@interieur.gouv.fr") : fmt::format("prenom.nom{}@interieur.gouv.fr", random() % 10);
      sets.push_back(
          {.id = id += 1 << 20,
           .writes = {PutMessage{
               {.from = peer + "/x", .to = me, .stanza_id = "s", .digest = "0123456789abcdef", .stanza = stanza},
               {{me, peer, Direction::in, true}, {peer, me, Direction::out, true}}}}});
    }
    for (const auto& set : sets) pointers.push_back(&set);
    if (auto done = writer.commit(pointers); !done) {
      fmt::print(stderr, "{}\n", done.error().text);
      std::exit(1);
    }
  }
  const auto last = id;
  const auto page = [&](const char* what, auto range_of, bool newest_first) {
    std::vector<double> times;
    std::size_t rows = 0;
    for (int i = 0; i < 200; ++i) {
      const ArchiveRange range = range_of();
      const double begun = now();
      auto found = reader.archived(range, 51, newest_first);
      if (!found) std::exit(1);
      rows = found->size();
      (void)reader.archive_size(range, 251);
      times.push_back((now() - begun) * 1e3);
    }
    std::ranges::sort(times);
    fmt::print("{:<34} {:>4} rows {:>8.2f} ms p50 {:>8.2f} ms max\n", what, rows, times[100], times.back());
  };
  const auto anywhere = [&] { return first + random() % (last - first); };
  fmt::print("\nA page of 50 and its count, out of {} messages of one account\n", stored);
  page("from the end", [&] { return ArchiveRange{.owner = me}; }, true);
  page("from the beginning", [&] { return ArchiveRange{.owner = me}; }, false);
  page("behind any message", [&] { return ArchiveRange{.owner = me, .after = anywhere()}; }, false);
  page(
      "with one of ten, any place",
      [&] { return ArchiveRange{.owner = me, .peer = "prenom.nom3@interieur.gouv.fr", .after = anywhere()}; }, false);
  page(
      "with one of ten, from the end",
      [&] { return ArchiveRange{.owner = me, .peer = "prenom.nom3@interieur.gouv.fr"}; }, true);
  page("with somebody rare", [&] { return ArchiveRange{.owner = me, .peer = "rare@interieur.gouv.fr"}; }, true);
  page("with nobody", [&] { return ArchiveRange{.owner = me, .peer = "nobody@interieur.gouv.fr"}; }, true);
}

void bench(const char* title, Store& store, pid_t server, int stored, int owners, int messages, int archive) {
  auto writer = store.migrate() ? store.open_writer() : std::unexpected(Error{});
  if (!writer) {
    fmt::print(stderr, "{}: the store cannot be opened\n", title);
    std::exit(1);
  }
  if (archive > 0) {
    auto reader = store.open_reader();
    if (!reader) std::exit(1);
    fmt::print("\n{}", title);
    return measure_pages(**writer, **reader, archive);
  }
  Bench bench{**writer, server, owners, messages};
  bench.fill(stored);
  fmt::print("\n{}: {} messages stored, {} owners\n", title, stored, owners);
  bench.run();
}

}  // namespace
}  // namespace valise::storage::testing

int main(int argc, char** argv) {
  using namespace valise::storage;
  using namespace valise::storage::testing;
  const std::string which = argc > 1 ? argv[1] : "all";
  const int stored = argc > 2 ? std::atoi(argv[2]) : 0;
  const int owners = argc > 3 ? std::atoi(argv[3]) : 10000;
  const int messages = argc > 4 ? std::atoi(argv[4]) : 20000;
  const int archive = argc > 5 ? std::atoi(argv[5]) : 0;
  if (which != "mariadb") {
    const TemporaryFolder folder;
    auto store = open_sqlite({.path = folder.path("bench.db")});
    if (!store) return 1;
    bench("SQLite", **store, 0, stored, owners, messages, archive);
  }
  if (which != "sqlite") {
    MariadbServer server;
    server.start({"--innodb-file-per-table=ON"});
    auto store = open_mariadb(server.fresh_database());
    if (!store) return 1;
    bench("MariaDB, Unix socket", **store, server.pid(), stored, owners, messages, archive);
  }
  return 0;
}
