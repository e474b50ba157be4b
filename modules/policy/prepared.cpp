#include "modules/policy/prepared.hpp"

#include <thread>

#include "config/options.hpp"
#include "core/jid/normalised.hpp"
#include "modules/policy/directories.hpp"
#include "policy/check.hpp"

namespace valise::modules {
namespace {

policy::PolicyOptions policy_options() {
  policy::PolicyOptions options;
  options.shared = kept_by_rules();
  options.live = live_groups();
  options.normalise = &core::normalised;
  return options;
}

// What keeps rules that could be loaded from being in force; "": nothing.
std::string fault_of(const policy::PolicySet& set) {
  for (const auto& dead : policy::find_dead_rules(set)) {
    if (dead.line != 0) return dead.message();  // 0: not all could be compared
  }
  return unreadable_file(set.groups());
}

}  // namespace

const std::shared_ptr<policy::Shared>& kept_by_rules() {
  static const auto one = std::make_shared<policy::Shared>();
  return one;
}

const std::shared_ptr<policy::LiveGroups>& live_groups() {
  static const auto one = std::make_shared<policy::LiveGroups>(false);
  return one;
}

Result<> Prepared::make(const config::Snapshot& config) {
  const auto shards = config.get(config::options::shards);
  const auto count = shards > 0 ? static_cast<unsigned>(shards) : std::max(1u, std::thread::hardware_concurrency());
  const auto& file = config.get(config::options::policy_file);
  const std::string name = file.empty() ? "stock.lua" : file;
  std::string source(policy::PolicySet::stock());
  if (!file.empty()) {
    auto read = policy::PolicySet::read_file(file);
    if (!read) return fail(ErrorCode::invalid, read.error().message());
    source = std::move(*read);
  }
  std::vector<std::unique_ptr<policy::PolicySet>> sets;
  auto options = policy_options();
  options.files = std::make_shared<policy::PolicyFiles>(file.empty() ? "" : policy::PolicyFiles::folder_of(file));
  for (unsigned i = 0; i < count; ++i) {
    auto loaded = policy::PolicySet::load(source, name, options);
    if (!loaded) return fail(ErrorCode::invalid, loaded.error().message());
    if (i == 0) {
      if (auto fault = fault_of(**loaded); !fault.empty()) return fail(ErrorCode::invalid, std::move(fault));
    }
    sets.push_back(std::move(*loaded));
  }
  const std::lock_guard lock(mutex_);
  sets_ = std::move(sets);
  source_ = std::make_shared<const PolicySource>(PolicySource{name, std::move(source)});
  options_ = std::move(options);
  for_ = &config;
  return {};
}

Prepared::Made Prepared::take(const config::Snapshot& config) {
  const std::lock_guard lock(mutex_);
  if (for_ != &config) return {};
  if (sets_.empty()) {  // more shards than the file now says: their number changes at the next start
    auto loaded = policy::PolicySet::load(source_->text, source_->name, options_);
    return loaded ? Made{std::move(*loaded), source_} : Made{};
  }
  Made made{std::move(sets_.back()), source_};
  sets_.pop_back();
  return made;
}

Prepared& prepared() {
  static Prepared one;
  return one;
}

}  // namespace valise::modules
