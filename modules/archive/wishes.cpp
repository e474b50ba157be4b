#include "modules/archive/wishes.hpp"

#include <algorithm>
#include <array>

#include "xml/writer.hpp"

namespace valise::modules::archive {
namespace {

using core::StanzaError;
using List = std::vector<std::string>;

constexpr std::array<std::string_view, 3> names{"always", "never", "roster"};

StanzaError malformed() {
  return {.type = StanzaError::Type::modify,
          .condition = "bad-request",
          .text = {"These archiving preferences are not understood.", "Ces préférences d’archivage sont incomprises."}};
}

std::expected<List, StanzaError> read_list(xml::Element list) {
  List jids;
  if (!list) return jids;  // §2.1: missing is empty
  for (const auto child : list.children()) {
    if (child.is_text()) continue;
    if (!child.is("jid", ns_mam)) return std::unexpected(malformed());
    const auto jid = core::Jid::parse(child.text());
    if (!jid) return std::unexpected(StanzaError{.type = StanzaError::Type::modify, .condition = "jid-malformed"});
    jids.push_back(jid->str());
    if (jids.size() > max_listed) {
      return std::unexpected(StanzaError{.type = StanzaError::Type::wait, .condition = "resource-constraint"});
    }
  }
  std::ranges::sort(jids);
  jids.erase(std::ranges::unique(jids).begin(), jids.end());
  return jids;
}

void append_list(xml::Writer& writer, std::string_view name, const List& jids) {
  writer.open(name);
  for (const auto& jid : jids) writer.element("jid", {}, jid);
  writer.close();
}

}  // namespace

std::string_view name_of(Default value) noexcept { return names[static_cast<std::size_t>(value)]; }

std::optional<Default> default_of(std::string_view name) noexcept {
  const auto* found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Default>(found - names.begin());
}

std::optional<bool> Wishes::listed(std::string_view jid) const {
  if (std::ranges::binary_search(never, jid)) return false;
  if (std::ranges::binary_search(always, jid)) return true;
  return std::nullopt;
}

std::expected<Wishes, StanzaError> read_wishes(xml::Element prefs) {
  Wishes wishes;
  const auto otherwise = default_of(prefs.attribute_or_empty("default"));
  if (!otherwise) return std::unexpected(malformed());
  wishes.otherwise = *otherwise;
  auto always = read_list(prefs.child("always", ns_mam));
  if (!always) return std::unexpected(always.error());
  auto never = read_list(prefs.child("never", ns_mam));
  if (!never) return std::unexpected(never.error());
  if (always->size() + never->size() > max_listed) {
    return std::unexpected(StanzaError{.type = StanzaError::Type::wait, .condition = "resource-constraint"});
  }
  const bool contradicts =
      std::ranges::any_of(*always, [&](const auto& jid) { return std::ranges::binary_search(*never, jid); });
  if (contradicts) return std::unexpected(malformed());
  wishes.always = std::move(*always);
  wishes.never = std::move(*never);
  return wishes;
}

std::string to_xml(const Wishes& wishes) {
  std::string out;
  xml::Writer writer(out);
  writer.open("prefs", ns_mam).attribute("default", name_of(wishes.otherwise));
  append_list(writer, "always", wishes.always);
  append_list(writer, "never", wishes.never);
  writer.close();
  return out;
}

}  // namespace valise::modules::archive
