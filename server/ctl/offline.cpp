#include "offline.hpp"

#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cstdio>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "core/audit/verify.hpp"
#include "failure.hpp"
#include "net/tls/local_ca.hpp"

namespace valise::ctl {
namespace audit = core::audit;
namespace {

int could_not_do(const Error& error, bool json) { return report({could_not, "unavailable", error.text}, json); }

std::string count_of(std::uint64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

}  // namespace

int audit_verify(const std::string& folder, const std::string& known, bool json) {
  std::optional<audit::Note> note;
  if (!known.empty() && !(note = audit::parse_note(known))) {
    return report({could_not, "invalid", "--known takes the SIZE:CHAIN that an earlier verify printed"}, json);
  }
  const auto checked = audit::verify(folder, note);
  if (!checked) return could_not_do(checked.error(), json);
  const auto& v = *checked;
  const auto now = audit::note_text({v.entries, v.chain});
  if (json) {
    nlohmann::json out{{"ok", v.ok()},
                       {"entries", v.entries},
                       {"erased", v.erased},
                       {"segments", v.segments},
                       {"head_size", v.head_size},
                       {"note", now},
                       {"torn_bytes", v.torn_bytes},
                       {"leaves_missing", v.leaves_missing}};
    if (v.bad) out["bad"] = {{"seq", v.bad->seq}, {"file", v.bad->file}, {"reason", v.bad->reason}};
    std::printf("%s\n", out.dump().c_str());
    return v.ok() ? 0 : 1;
  }
  if (v.bad) {
    std::printf("NOT SOUND: entry %llu in %s: %s\n", static_cast<unsigned long long>(v.bad->seq), v.bad->file.c_str(),
                v.bad->reason.c_str());
    if (v.bad->only_not_noted) {
      std::printf("it is consistent in itself, but not the log that was noted\n");
    } else {
      std::printf("good before it: %s\n", count_of(v.bad->seq, "entry", "entries").c_str());
    }
    return 1;
  }
  std::printf("sound: %s in %s\n", count_of(v.entries, "entry", "entries").c_str(),
              count_of(v.segments, "segment", "segments").c_str());
  if (v.entries > 0) {
    std::printf("from %s to %s\n", format_utc(v.first_time_ns).c_str(), format_utc(v.last_time_ns).c_str());
  }
  if (v.torn_bytes > 0) {
    std::printf("%llu bytes at its end belong to a write that was never finished (a server is writing, or a crash)\n",
                static_cast<unsigned long long>(v.torn_bytes));
  }
  if (v.leaves_missing > 0) {
    std::printf("%llu leaves are not yet written (a server is writing, or a crash)\n",
                static_cast<unsigned long long>(v.leaves_missing));
  }
  std::printf("note  %s\n", now.c_str());
  return 0;
}

int audit_show(const std::string& folder, std::uint64_t from, std::uint64_t count, bool json) {
  auto cursor = audit::Cursor::open(folder, from);
  if (!cursor) return could_not_do(cursor.error(), json);
  std::string line;
  for (std::uint64_t shown = 0; count == 0 || shown < count; ++shown) {
    auto entry = cursor->next();
    if (!entry) return could_not_do(entry.error(), json);
    if (!*entry) return 0;
    line.clear();
    audit::append_json_line(line, **entry);
    std::fputs(line.c_str(), stdout);
  }
  return 0;
}

int make_certificate(const std::string& ca_folder, const std::vector<std::string>& names,
                     const std::string& certificate_file, const std::string& key_file, bool replace, bool json) {
  if (!replace && ::access(key_file.c_str(), F_OK) == 0) {
    return report({refused, "conflict", key_file + " is there already; --replace overwrites it"}, json);
  }
  auto ca = net::LocalCa::open(ca_folder);
  if (!ca) return could_not_do(ca.error(), json);
  if (const auto issued = ca->issue({.names = names, .certificate_file = certificate_file, .key_file = key_file});
      !issued) {
    return could_not_do(issued.error(), json);
  }
  std::printf("%s and %s, signed by %s\n", certificate_file.c_str(), key_file.c_str(), ca->certificate_file().c_str());
  return 0;
}

}  // namespace valise::ctl
