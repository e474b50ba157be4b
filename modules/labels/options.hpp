// The options of labels (XEP-0258), and what a host's settings hold of them.
#pragma once

#include <string>

#include "config/findings.hpp"
#include "config/registry.hpp"
#include "config/snapshot.hpp"
#include "modules/labels/catalogue.hpp"

namespace valise::modules::labels {

void add_options(config::Registry& registry);
// Before a configuration takes effect: what each text says alone was checked when it was read.
void check_labels(const config::Snapshot& snapshot, config::Findings& findings);

// What a host says of its catalogue.
struct Offer {
  Ref<const Catalogue> catalogue;  // null: there are no labels
  std::string name, description;
  std::string otherwise;  // the name of the item that is chosen where nobody chooses; empty: none of them
  bool restricts = true;
};
[[nodiscard]] Offer offer_of(const config::Snapshot& snapshot, std::string_view host);
// For core::HostSettings. Null: there are no labels.
[[nodiscard]] Ref<const core::Labels> labels_of(const config::Snapshot& snapshot, std::string_view host);

}  // namespace valise::modules::labels
