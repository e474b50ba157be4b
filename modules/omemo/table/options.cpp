#include "modules/omemo/table/options.hpp"

#include "modules/omemo/table/table.hpp"

namespace valise::modules::omemo::table {
namespace {

config::Declaration<config::Strings> named(std::string_view name, bool open, std::string_view reason) {
  config::Declaration<config::Strings> declared{.name = name,
                                                .reason = reason,
                                                .max = 32,
                                                .scope = config::Scope::host,
                                                .reload = config::Reload::live,
                                                .needs = {{"sealed.mode", "required"},
                                                          {"sealed.mode", "warn"},
                                                          {"sealed.between_hosts", "required"},
                                                          {"sealed.between_hosts", "warn"},
                                                          {"sealed.groups"}}};
  for (const auto& row : switches()) {
    if (row.open == open) declared.allowed.push_back(row.name);
  }
  return declared;
}

}  // namespace

const config::Option<config::Strings> allow_option{
    named("sealed.allow", false,
          "what passes in the clear all the same: switches of docs/sealed-table.md, which says of "
          "each what it opens and why it is closed")};
const config::Option<config::Strings> deny_option{
    named("sealed.deny", true, "what does not pass although it carries no text: switches of docs/sealed-table.md")};

core::Switches switches_of(const config::Snapshot& snapshot, std::string_view host) {
  core::Switches out;
  for (const auto* option : {&allow_option, &deny_option}) {
    for (const auto& name : snapshot.get(*option, host)) {
      for (const auto& row : switches()) {
        if (row.name == name) out.turned |= 1U << static_cast<unsigned>(row.id);
      }
    }
  }
  return out;
}

}  // namespace valise::modules::omemo::table
