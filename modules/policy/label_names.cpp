#include "modules/policy/label_names.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "base/log.hpp"
#include "config/nearest.hpp"
#include "config/options.hpp"
#include "modules/labels/options.hpp"
#include "policy/check.hpp"

namespace valise::modules {

void warn_of_labels(const policy::PolicySet& rules, const config::Snapshot& config, config::Findings& findings) {
  const auto named = policy::texts_named(rules, "label");
  if (named.empty()) return;
  std::vector<Ref<const labels::Catalogue>> catalogues;  // what the names look into
  std::vector<std::string_view> names;
  for (const auto& host : config.hosts()) {
    const auto offer = labels::offer_of(config, host);
    if (!offer.catalogue) continue;
    catalogues.push_back(offer.catalogue);
    for (const auto& item : offer.catalogue->items()) names.push_back(item.name());
  }
  for (const auto& [rule, text] : named) {
    // "": a message without one.
    if (text.empty() || std::ranges::find(names, text) != names.end()) continue;
    findings.warning(config::options::policy_file,
                     fmt::format("{}: no host's labels.catalogue has a label \"{}\"{}", rule.place(),
                                 log::printable(text), config::nearest_hint(text, names)));
  }
}

}  // namespace valise::modules
