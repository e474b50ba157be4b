#include "config/snapshot.hpp"

#include <algorithm>

namespace valise::config {

const Snapshot::Assigned* Snapshot::find(const OptionBase& option) const noexcept {
  const auto found = server_.find(option.name);
  return found == server_.end() ? nullptr : &found->second;
}

const Snapshot::Assigned* Snapshot::find(const OptionBase& option, std::string_view host) const noexcept {
  if (const auto own = by_host_.find(host); own != by_host_.end()) {
    if (const auto found = own->second.find(option.name); found != own->second.end()) return &found->second;
  }
  return find(option);
}

const Value& Snapshot::value(const OptionBase& option) const {
  const auto* assigned = find(option);
  return assigned == nullptr ? option.otherwise : assigned->value;
}

const Value& Snapshot::value(const OptionBase& option, std::string_view host) const {
  const auto* assigned = find(option, host);
  return assigned == nullptr ? option.otherwise : assigned->value;
}

unsigned Snapshot::line(const OptionBase& option) const noexcept {
  const auto* assigned = find(option);
  return assigned == nullptr ? 0 : assigned->line;
}

unsigned Snapshot::line(const OptionBase& option, std::string_view host) const noexcept {
  const auto* assigned = find(option, host);
  return assigned == nullptr ? 0 : assigned->line;
}

unsigned Snapshot::host_line(std::string_view host) const noexcept {
  const auto found = host_lines_.find(host);
  return found == host_lines_.end() ? 0 : found->second;
}

std::vector<std::string> Snapshot::restart_needed(const Snapshot& before, const Snapshot& after) {
  std::vector<std::string> out;
  const auto quoted = [](const std::string& host) { return "host[\"" + host + "\"]"; };
  for (const auto& host : before.hosts_) {
    if (!after.has_host(host)) out.push_back(quoted(host));
  }
  for (const auto* option : after.options_) {
    if (option->reload == Reload::live) continue;
    if (before.value(*option) != after.value(*option)) out.emplace_back(option->name);
    if (option->scope != Scope::host) continue;
    for (const auto& host : after.hosts_) {
      // Through the server-wide value only: that is named already.
      const bool own = before.has_host(host) && (before.by_host_.at(host).contains(option->name) ||
                                                 after.by_host_.at(host).contains(option->name));
      if (own && before.value(*option, host) != after.value(*option, host)) {
        out.push_back(quoted(host) + "." + std::string(option->name));
      }
    }
  }
  return out;
}

Ref<const Snapshot> Snapshot::in_force(const Snapshot& before, const Snapshot& after) {
  auto out = make_ref<Snapshot>();
  out->path_ = after.path_;
  out->options_ = after.options_;
  out->hosts_ = after.hosts_;
  out->host_lines_ = after.host_lines_;
  out->server_ = after.server_;
  out->by_host_ = after.by_host_;
  const auto keep = [](const OptionBase& option, Values& values, const Values& old) {
    values.erase(option.name);
    if (const auto found = old.find(option.name); found != old.end()) values.emplace(option.name, found->second);
  };
  for (const auto* option : after.options_) {
    if (option->reload == Reload::live) continue;
    keep(*option, out->server_, before.server_);
    for (auto& [host, values] : out->by_host_) {
      if (before.has_host(host)) keep(*option, values, before.by_host_.at(host));
    }
  }
  for (const auto& host : before.hosts_) {
    if (after.has_host(host)) continue;
    out->hosts_.push_back(host);
    out->by_host_.emplace(host, before.by_host_.at(host));
  }
  return out;
}

SnapshotBuilder::SnapshotBuilder(std::string path, std::vector<const OptionBase*> options)
    : snapshot_(make_ref<Snapshot>()) {
  snapshot_->path_ = std::move(path);
  snapshot_->options_ = std::move(options);
}

void SnapshotBuilder::add_host(std::string_view host, unsigned line) {
  if (snapshot_->has_host(host)) return;
  snapshot_->host_lines_.emplace(host, line);
  snapshot_->hosts_.emplace_back(host);
  snapshot_->by_host_.emplace(std::string(host), Snapshot::Values{});
}

unsigned SnapshotBuilder::set(const OptionBase& option, std::string_view host, Value value, unsigned line) {
  auto& values = host.empty() ? snapshot_->server_ : snapshot_->by_host_.find(host)->second;
  const auto [at, inserted] = values.try_emplace(option.name, Snapshot::Assigned{});
  if (!inserted) return at->second.line == 0 ? 1 : at->second.line;
  at->second = {std::move(value), line};
  return 0;
}

}  // namespace valise::config
