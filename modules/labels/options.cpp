#include "modules/labels/options.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "config/nearest.hpp"

namespace valise::modules::labels {
namespace {

const config::Option<config::Strings> catalogue_option{
    {.name = "labels.catalogue",
     .otherwise = {},
     .reason = "the classification labels (XEP-0258) that may stand beside a seal: \"fr\" for the French levels, or "
               "NAME; MARKING; COLOUR on COLOUR; SELECTOR; and none; TEXT for the choice of no label. Any other label "
               "is refused",
     .max = most_items,
     .check = &check_entry,
     .scope = config::Scope::host,
     .reload = config::Reload::live}};
const config::Option<std::string> default_option{
    {.name = "labels.default",
     .otherwise = "none",
     .reason = "the NAME of the label that clients choose where nobody has chosen",
     .max = 32,
     .scope = config::Scope::host,
     .reload = config::Reload::live,
     .needs = {{"labels.catalogue"}}}};
const config::Option<bool> restrict_option{
    {.name = "labels.restrict",
     .otherwise = true,
     .reason = "tell clients that people may choose from the catalogue alone; no other label passes in any case",
     .scope = config::Scope::host,
     .reload = config::Reload::live,
     .needs = {{"labels.catalogue"}}}};

std::string check_title(std::string_view text) {
  const bool plain = std::ranges::all_of(text, [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
  return plain ? std::string() : "takes one line of text";
}
config::Declaration<std::string> title(std::string_view name, std::string otherwise, std::string_view reason) {
  return {.name = name,
          .otherwise = std::move(otherwise),
          .reason = reason,
          .max = 128,
          .check = &check_title,
          .scope = config::Scope::host,
          .reload = config::Reload::live,
          .needs = {{"labels.catalogue"}}};
}
const config::Option<std::string> name_option{
    title("labels.name", "Classification", "what clients call the catalogue")};
const config::Option<std::string> description_option{
    title("labels.description", "", "a sentence about the catalogue, which clients may show")};

bool has(const Catalogue& catalogue, std::string_view name) {
  return std::ranges::find(catalogue.items(), name, &Item::name) != catalogue.items().end();
}

}  // namespace

void add_options(config::Registry& registry) {
  registry.add(catalogue_option);
  registry.add(default_option);
  registry.add(restrict_option);
  registry.add(name_option);
  registry.add(description_option);
}

void check_labels(const config::Snapshot& snapshot, config::Findings& findings) {
  for (const auto& host : snapshot.hosts()) {
    const auto& entries = snapshot.get(catalogue_option, host);
    if (entries.empty()) continue;
    const auto made = Catalogue::make(entries);
    if (!made) {
      findings.error(catalogue_option, host, fmt::format("{}: {}", catalogue_option.name, made.error()));
      continue;
    }
    const auto& wanted = snapshot.get(default_option, host);
    if (has(**made, wanted) || config::Value(wanted) == default_option.otherwise) continue;
    std::vector<std::string_view> names;
    for (const auto& item : (*made)->items()) names.push_back(item.name());
    findings.error(default_option, host,
                   fmt::format("{}: there is no label \"{}\" in labels.catalogue{}", default_option.name, wanted,
                               config::nearest_hint(wanted, names)));
  }
}

Offer offer_of(const config::Snapshot& snapshot, std::string_view host) {
  Offer offer;
  const auto& entries = snapshot.get(catalogue_option, host);
  auto made = entries.empty() ? std::expected<Ref<const Catalogue>, std::string>() : Catalogue::make(entries);
  if (!made || !*made) return offer;  // it was checked
  offer.catalogue = std::move(*made);
  offer.name = snapshot.get(name_option, host);
  offer.description = snapshot.get(description_option, host);
  offer.restricts = snapshot.get(restrict_option, host);
  offer.otherwise = snapshot.get(default_option, host);
  return offer;
}

Ref<const core::Labels> labels_of(const config::Snapshot& snapshot, std::string_view host) {
  return offer_of(snapshot, host).catalogue;
}

}  // namespace valise::modules::labels
