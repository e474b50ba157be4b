#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ref.hpp"
#include "config/option.hpp"

namespace valise::config {

// One loaded configuration. Immutable: shards share it; a reload makes another one and swaps the pointer.
// Values are found by hashing a name: read them once per snapshot and keep them, not once per stanza.
class Snapshot final : public RefCounted<Snapshot> {
 public:
  struct Assigned {
    Value value;
    unsigned line = 0;  // in the file; 0: not from a file
  };

  // The server-wide value, or the option's default. Valid as long as the snapshot (and the option).
  template <class T>
  [[nodiscard]] const T& get(const Option<T>& option) const {
    return std::get<T>(value(option));
  }
  // The host's value, or the server-wide one, or the default. `host` as in hosts(); an unknown one has none of its own.
  template <class T>
  [[nodiscard]] const T& get(const Option<T>& option, std::string_view host) const {
    return std::get<T>(value(option, host));
  }
  template <class E>
  [[nodiscard]] E get(const Choice<E>& option) const {
    return option.parse(std::get<std::string>(value(option)));
  }
  template <class E>
  [[nodiscard]] E get(const Choice<E>& option, std::string_view host) const {
    return option.parse(std::get<std::string>(value(option, host)));
  }

  [[nodiscard]] const Value& value(const OptionBase& option) const;
  [[nodiscard]] const Value& value(const OptionBase& option, std::string_view host) const;
  // The file's line that set it, for messages about several options together; 0 if it has its default.
  [[nodiscard]] unsigned line(const OptionBase& option) const noexcept;
  [[nodiscard]] unsigned line(const OptionBase& option, std::string_view host) const noexcept;

  // The hosts of host["…"], lower case, in the file's order.
  [[nodiscard]] const std::vector<std::string>& hosts() const noexcept { return hosts_; }
  // The line that named the host first; 0: none, or no such host.
  [[nodiscard]] unsigned host_line(std::string_view host) const noexcept;
  // All that can be set.
  [[nodiscard]] const std::vector<const OptionBase*>& options() const noexcept { return options_; }
  [[nodiscard]] bool has_host(std::string_view host) const noexcept { return by_host_.find(host) != by_host_.end(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  // The options that differ and that only a restart can change, as they are written in the file, e.g.
  // `listen.c2s`, `host["example.org"].archive.enabled`, `host["gone.example"]` (a host removed; a new one is served at
  // once).
  [[nodiscard]] static std::vector<std::string> restart_needed(const Snapshot& before, const Snapshot& after);
  // What a reload puts in force: `after`, but all that restart_needed names as it is in `before`. So what is in force
  // and what needs a restart are never two opinions, however often one reloads.
  [[nodiscard]] static Ref<const Snapshot> in_force(const Snapshot& before, const Snapshot& after);

 private:
  friend class SnapshotBuilder;
  using Values = std::unordered_map<std::string_view, Assigned>;  // by option name
  [[nodiscard]] const Assigned* find(const OptionBase& option) const noexcept;
  [[nodiscard]] const Assigned* find(const OptionBase& option, std::string_view host) const noexcept;

  std::string path_;
  std::vector<const OptionBase*> options_;
  std::vector<std::string> hosts_;
  std::map<std::string, unsigned, std::less<>> host_lines_;
  Values server_;
  std::map<std::string, Values, std::less<>> by_host_;
};

// Fills a snapshot; used by the loader and by tests of other layers that want options without a file.
class SnapshotBuilder {
 public:
  SnapshotBuilder(std::string path, std::vector<const OptionBase*> options);
  void add_host(std::string_view host, unsigned line = 0);
  // `host` empty: server-wide. Returns the line of the earlier assignment, if there was one (which stays).
  unsigned set(const OptionBase& option, std::string_view host, Value value, unsigned line);
  template <class T>
  SnapshotBuilder& with(const Option<T>& option, T value, std::string_view host = {}) {
    if (!host.empty()) add_host(host);
    set(option, host, Value(std::in_place_type<T>, std::move(value)), 0);
    return *this;
  }
  [[nodiscard]] const Snapshot& peek() const noexcept { return *snapshot_; }
  [[nodiscard]] Ref<const Snapshot> finish() { return Ref<const Snapshot>(std::move(snapshot_)); }

 private:
  Ref<Snapshot> snapshot_;
};

}  // namespace valise::config
