// The labels of a host (XEP-0258 §4), as `labels.catalogue` lists them. Pure.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/option.hpp"
#include "core/label.hpp"

namespace valise::modules::labels {

inline constexpr std::string_view ns_level = "urn:valise:label:0";
inline constexpr std::string_view ns_ess = "urn:xmpp:sec-label:ess:0";
inline constexpr std::size_t most_items = 64;

// One line of `labels.catalogue`.
struct Item {
  std::string selector;           // what people choose by: "SECRET", "Classifié|SECRET"
  Ref<const core::Label> label;   // null: the choice of none
  xml::DocumentPtr element = {};  // label->xml, which what clients send is held against
  [[nodiscard]] std::string_view name() const noexcept {
    return label ? std::string_view(label->name) : std::string_view("none");
  }
};

// "NAME; MARKING; COLOUR on COLOUR; SELECTOR; ess BASE64", of which all behind the marking may be missing; "none; TEXT"
// is the choice of no label. Errors: what is wrong with it.
[[nodiscard]] std::expected<Item, std::string> parse_item(std::string_view text);
// Whether it may stand in `labels.catalogue`: an item, or "fr" for the French levels. Empty, or what is wrong with it.
[[nodiscard]] std::string check_entry(std::string_view text);
// NON PROTÉGÉ (none), DIFFUSION RESTREINTE (II 901), with SPÉCIAL FRANCE, SECRET and TRÈS SECRET (IGI 1300 of 2021).
[[nodiscard]] std::span<const std::string_view> french_levels() noexcept;

class Catalogue final : public core::Labels {
 public:
  // Errors: two of one name or selector, too many, or an entry that check_entry refuses.
  [[nodiscard]] static std::expected<Ref<const Catalogue>, std::string> make(const config::Strings& entries);

  [[nodiscard]] const std::vector<Item>& items() const noexcept { return items_; }
  [[nodiscard]] Ref<const core::Label> find(xml::Element element) const override;
  [[nodiscard]] Ref<const core::Label> find_kept(xml::Element element) const override;

 private:
  std::vector<Item> items_;
};

}  // namespace valise::modules::labels
