#include "policy/groups.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <map>

#include "base/log.hpp"
#include "base/trim.hpp"
#include "config/nearest.hpp"
#include "config/secret_file.hpp"

namespace valise::policy {
namespace {

constexpr std::size_t most_members = 1'000'000;  // of all groups together, included ones counted each time

}  // namespace

Membership Group::ask_live(const Party& party, std::int64_t now_ms, bool only_looks,
                           std::optional<Hashed>& bare) const {
  // A domain is nobody's address, and nobody is no member even of a group that counts everybody.
  if (party.bare.size() <= party.domain.size()) return Membership::no;
  auto out = Membership::no;
  for (const auto* source : live_) {
    if (!source->is_silent(source->known.get(), now_ms)) {
      if (source->known->addresses.contains(party.bare, bare)) return Membership::yes;
      continue;
    }
    if (!only_looks) source->members->count_silent();
    if (source->when_silent == WhenSilent::member) return Membership::yes;
    if (source->when_silent == WhenSilent::fail) out = Membership::unknown;
  }
  return out;
}

Addresses Group::values() const {
  Addresses out{jids_->texts(), {}, domains_->texts(), {}};
  for (const auto* source : live_) {
    out.live.push_back(fmt::format("{} {} {}", when_silent_names[static_cast<std::size_t>(source->when_silent)],
                                   source->holds_ms, source->members->name()));
  }
  return out;
}

std::string Group::why_unknown() const {
  return PolicyError{file, made.line,
                     fmt::format("who belongs to group \"{}\" is not known now (valisectl group list)", name)}
      .message();
}

Group& Groups::named(std::string_view name, Place place) {
  for (auto& one : all_) {
    if (one.group->name == name) return *one.group;
  }
  all_.push_back({std::make_unique<Group>(), place});
  all_.back().group->name = name;
  return *all_.back().group;
}

const Group* Groups::find(std::string_view name) const {
  for (const auto& one : all_) {
    if (one.group->name == name) return one.group.get();
  }
  return nullptr;
}

std::vector<std::string_view> Groups::names() const {
  std::vector<std::string_view> out;
  for (const auto& one : all_) {
    if (one.group->made.line != 0) out.push_back(one.group->name);
  }
  return out;
}

std::vector<GroupInfo> Groups::infos() const {
  std::vector<GroupInfo> out;
  for (const auto& [group, first] : all_) {
    auto& info = out.emplace_back(GroupInfo{.name = group->name,
                                            .line = group->made.line,
                                            .file = group->file,
                                            .written = {},
                                            .includes = group->includes,
                                            .sources = {}});
    info.written = group->own.domains;
    info.written.insert(info.written.end(), group->own.jids.begin(), group->own.jids.end());
    for (const auto& source : group->sources) info.sources.push_back(*source);
  }
  return out;
}

std::size_t Groups::directories() const {
  std::size_t out = 0;
  for (const auto& one : all_) {
    out += static_cast<std::size_t>(
        std::ranges::count_if(one.group->sources, [](const auto& source) { return source->search.has_value(); }));
  }
  return out;
}

void Groups::take_newest(std::uint64_t changes) {
  seen_ = changes;
  for (const auto& one : all_) {
    for (const auto& source : one.group->sources) source->known = source->members->known();
  }
}

std::expected<void, Fault> Groups::resolve() {
  const auto fault = [](Place place, std::string text) { return std::unexpected(Fault{place, std::move(text)}); };
  const auto unknown = [&](std::string_view name) {
    return fmt::format("there is no group \"{}\"{}", log::printable(name), config::nearest_hint(name, names()));
  };
  for (const auto& one : all_) {
    if (one.group->made.line == 0) return fault(one.first, unknown(one.group->name));
  }
  // Each group and what it includes, once each: a walk that never goes deeper than there are groups.
  std::size_t members = 0;
  for (const auto& one : all_) {
    std::vector<const Group*> within{one.group.get()};
    PartySet all;
    for (std::size_t i = 0; i < within.size(); ++i) {
      all.jids.insert(all.jids.end(), within[i]->own.jids.begin(), within[i]->own.jids.end());
      all.domains.insert(all.domains.end(), within[i]->own.domains.begin(), within[i]->own.domains.end());
      for (const auto& source : within[i]->sources) one.group->live_.push_back(source.get());
      members += within[i]->own.jids.size() + within[i]->own.domains.size();
      if (members > most_members)
        return fault(one.group->made, fmt::format("more than {} members of groups", most_members));
      for (const auto& name : within[i]->includes) {
        const auto* included = find(name);
        if (included == nullptr) return fault(within[i]->made, unknown(name));
        if (included == one.group.get()) {
          return fault(within[i]->made, within[i] == one.group.get()
                                            ? fmt::format("group \"{}\" includes itself", one.group->name)
                                            : fmt::format("group \"{}\" includes \"{}\", of which it is a part itself",
                                                          within[i]->name, one.group->name));
        }
        if (std::ranges::find(within, included) == within.end()) within.push_back(included);
      }
    }
    const auto crowd = [](const std::vector<std::string>& texts) { return Names(texts).crowd(); };
    if (crowd(all.jids) > most_alike || crowd(all.domains) > most_alike) {
      return fault(one.group->made, fmt::format("group \"{}\": at most {} patterns that begin and end alike",
                                                one.group->name, most_alike));
    }
    one.group->jids_ = std::make_unique<Names>(std::move(all.jids));
    one.group->domains_ = std::make_unique<Names>(std::move(all.domains));
  }
  return {};
}

std::vector<FileLine> lines_of(std::string_view text) {
  std::vector<FileLine> out;
  for (unsigned number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto line = trimmed(text.substr(0, end).substr(0, text.substr(0, end).find('#')));
    if (!line.empty()) out.push_back({number, line});
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

std::expected<std::shared_ptr<const std::string>, PolicyError> PolicyFiles::read(const std::string& name) {
  const bool outside = name.starts_with('/') || name == ".." || name.starts_with("../") || name.ends_with("/..") ||
                       name.find("/../") != std::string::npos;
  if (folder_.empty() || outside) {
    return std::unexpected(PolicyError{name, 0, "a policy reads files of its own folder only, by their names there"});
  }
  const std::lock_guard lock(mutex_);
  auto& kept = files_[name];
  if (kept) return kept;
  const auto path = path_of(name);
  auto read = config::read_trusted_file(path, most_bytes);
  if (!read) {
    auto text = read.error().text;
    if (text.starts_with(path + ": ")) text.erase(0, path.size() + 2);
    files_.erase(name);
    return std::unexpected(PolicyError{path, 0, std::move(text)});
  }
  if ((bytes_ += read->size()) > most_bytes) {
    files_.erase(name);
    return std::unexpected(
        PolicyError{path, 0, fmt::format("the files of a policy have more than {} bytes", most_bytes)});
  }
  kept = std::make_shared<const std::string>(std::move(*read));
  return kept;
}

}  // namespace valise::policy
