// Kills a small server made of audit log, committer and a file for a store at every fault point that it passes, starts
// it again (killing that, too), and holds what was acknowledged against what is there. Needs VALISE_FAULTS.
//   commit_torture            the driver; prints what failed, exit status 1 if anything did
//   commit_torture run DIR    the server: recovers, commits, stops
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "../audit/support.hpp"
#include "core/committer.hpp"
#include "core/recovery.hpp"
#include "empty_reader.hpp"

using namespace valise;
using namespace valise::core;

namespace {

std::string hex(const audit::Digest& digest) { return audit::note_text({0, digest}).substr(2); }

// One line a row, "id letter", appended and synced once a commit; "m" had a record, "r" had none. Of the log's mark
// "size #chain".
struct FileWriter : storage::Writer {
  explicit FileWriter(std::string file) : path(std::move(file)) {}
  Result<> commit(std::span<const storage::WriteSet* const> sets) override {
    std::string lines;
    for (const auto* set : sets) {
      lines += std::to_string(set->id) + " " + std::get<storage::PutMessage>(set->writes[0]).message.stanza + "\n";
      if (set->log) lines += std::to_string(set->log->size) + " #" + hex(set->log->chain) + "\n";
    }
    auto handle = audit::File::open(path, O_WRONLY | O_CREAT | O_APPEND);
    if (!handle) return std::unexpected(handle.error());
    // One call without a point inside: a store's transaction is whole or not at all.
    if (::write(handle->fd(), lines.data(), lines.size()) < 0) return fail(ErrorCode::unavailable, path);
    return handle->sync();
  }
  std::string path;
};

std::map<std::uint64_t, std::string> read_rows(const std::string& path) {
  std::map<std::uint64_t, std::string> rows;
  std::ifstream in(path);
  std::uint64_t id = 0;
  for (std::string letter; in >> id >> letter;) {
    if (letter.front() != '#') rows[id] = letter;
  }
  return rows;
}

std::optional<storage::LogMark> read_mark(const std::string& path) {
  std::optional<storage::LogMark> mark;
  std::ifstream in(path);
  std::uint64_t size = 0;
  for (std::string chain; in >> size >> chain;) {
    if (chain.front() != '#') continue;
    mark = {size, audit::parse_note("0:" + chain.substr(1))->chain};
  }
  return mark;
}

struct FileReader : storage::EmptyReader {
  explicit FileReader(const std::string& path) : rows(read_rows(path)), mark(read_mark(path)) {}
  Result<bool> has_message(std::uint64_t id) override { return rows.contains(id); }
  Result<std::vector<storage::BoxMessage>> messages_after(std::uint64_t after, std::size_t limit) override {
    std::vector<storage::BoxMessage> found;
    for (auto row = rows.upper_bound(after); row != rows.end() && found.size() < limit; ++row) {
      found.emplace_back().id = row->first;
    }
    return found;
  }
  Result<std::uint64_t> greatest_id() override { return rows.empty() ? 0 : rows.rbegin()->first; }
  Result<std::optional<storage::LogMark>> log_mark() override { return mark; }
  std::map<std::uint64_t, std::string> rows;
  std::optional<storage::LogMark> mark;
};

int serve(const std::string& folder) {
  const auto rows = folder + "/rows.txt";
  auto log = audit::Log::open({.folder = folder + "/audit", .segment_entries = 16, .settle_ms = 0});
  if (!log) return std::fprintf(stderr, "open: %s\n", log.error().text.c_str()), 1;
  FileReader reader(rows);
  const auto open_writer = [&] { return Result<std::unique_ptr<storage::Writer>>(std::make_unique<FileWriter>(rows)); };
  const auto recovery = recover(log->get(), reader, open_writer);
  if (!recovery) return std::fprintf(stderr, "recover: %s\n", recovery.error().text.c_str()), 1;

  const int acknowledged = ::open((folder + "/acknowledged").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  CommitterOptions options{.last_id = recovery->last_id, .gather_us = 0, .max_batch = 5};
  Committer committer(options, std::move(*log), open_writer, [&](unsigned, std::vector<UnitPtr> units) {
    std::string lines;
    for (const auto& unit : units) {
      if (!unit->outcome) continue;
      lines += std::to_string(unit->id) + (unit->record ? " record" : " none") + "\n";
    }
    if (::write(acknowledged, lines.data(), lines.size()) < 0) std::abort();
  });
  for (int i = 0; i < 40; ++i) {
    auto unit = std::make_unique<Unit>();
    if (i % 4 != 3) unit->record.emplace();
    if (i % 4 != 1) {
      storage::PutMessage write;
      write.message.stanza = unit->record ? "m" : "r";
      unit->writes.push_back(std::move(write));
    }
    if (!committer.submit(unit)) return 1;
  }
  return committer.drain_and_stop(std::chrono::seconds(30)) == 0 ? 0 : 1;
}

// Exit status of a run, or 128 + signal.
int run(const std::string& self, const std::string& folder, const char* variable, const std::string& value) {
  const auto child = ::fork();
  if (child == 0) {
    ::unsetenv("VALISE_FAULT_AT");
    ::unsetenv("VALISE_FAULT_COUNT");
    if (variable != nullptr) ::setenv(variable, value.c_str(), 1);
    ::execl(self.c_str(), self.c_str(), "run", folder.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// What is wrong with the files; empty: nothing.
std::string judge(const std::string& folder) {
  const auto verified = audit::verify(folder + "/audit");
  if (!verified) return verified.error().text;
  if (!verified->ok()) return "verify: " + verified->bad->reason;
  std::map<std::uint64_t, int> records;
  std::set<std::uint64_t> with_rows;
  std::set<std::uint64_t> voided;
  auto cursor = audit::Cursor::open(folder + "/audit");
  while (true) {
    const auto entry = cursor->next();
    if (!entry || !*entry) break;
    const auto key = audit::key_of((*entry)->record);
    if (key.correction && !key.rows) {
      voided.insert(key.id);
      continue;
    }
    ++records[key.id];
    if (key.rows) with_rows.insert(key.id);
  }
  const auto rows = read_rows(folder + "/rows.txt");
  for (const auto& [id, times] : records) {
    if (times != 1) return "unit " + std::to_string(id) + " is recorded twice";
  }
  for (const auto id : with_rows) {
    if (rows.contains(id) == voided.contains(id)) return "unit " + std::to_string(id) + ": rows and log disagree";
  }
  for (const auto& [id, letter] : rows) {
    if (letter == "m" && !records.contains(id)) return "unit " + std::to_string(id) + " has rows and no record";
  }
  std::ifstream in(folder + "/acknowledged");
  std::uint64_t id = 0;
  for (std::string what; in >> id >> what;) {
    if (what == "record" && (!records.contains(id) || voided.contains(id))) {
      return "unit " + std::to_string(id) + " was acknowledged and its record is lost";
    }
    if (what == "none" && !rows.contains(id)) return "unit " + std::to_string(id) + " was acknowledged and is lost";
  }
  return {};
}

int drive(const std::string& self) {
  // Points of a first start, and of a start after a kill, which has more to mend.
  std::map<std::string, int> passed;
  for (const bool killed_before : {false, true}) {
    const audit::TemporaryFolder folder;
    if (killed_before && run(self, folder.path(""), "VALISE_FAULT_AT", "commit.logged.after:3") != 128 + SIGKILL) {
      return std::fprintf(stderr, "no fault points: build with VALISE_FAULTS\n"), 1;
    }
    if (run(self, folder.path(""), "VALISE_FAULT_COUNT", folder.path("points")) != 0) return 1;
    std::ifstream in(folder.path("points"));
    int count = 0;
    for (std::string name; in >> name >> count;) passed[name] = std::max(passed[name], count);
  }
  const std::vector<std::pair<std::string, int>> points(passed.begin(), passed.end());
  int kills = 0;
  int failures = 0;
  for (const auto& [name, count] : points) {
    for (int n = 1; n <= count; ++n) {
      const audit::TemporaryFolder folder;
      const auto at = name + ":" + std::to_string(n);
      const auto place = folder.path("");
      kills += run(self, place, "VALISE_FAULT_AT", at) == 128 + SIGKILL ? 1 : 0;
      // The start after it is killed as well, at another point each time.
      const auto& [second, second_count] = points[static_cast<std::size_t>(n) % points.size()];
      kills += run(self, place, "VALISE_FAULT_AT", second + ":1") == 128 + SIGKILL ? 1 : 0;
      const int status = run(self, place, nullptr, {});
      auto wrong = status == 0 ? judge(place) : "the last start ended with status " + std::to_string(status);
      if (wrong.empty()) continue;
      ++failures;
      std::printf("killed at %s, then at %s:1: %s\n", at.c_str(), second.c_str(), wrong.c_str());
    }
  }
  std::printf("%zu points, %d kills, %d failures\n", points.size(), kills, failures);
  return failures == 0 && kills > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "run") return serve(argv[2]);
  return drive(std::filesystem::read_symlink("/proc/self/exe"));
}
