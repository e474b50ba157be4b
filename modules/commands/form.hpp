// Data forms (XEP-0004) of commands: written for people, and what they submit, checked. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text.hpp"
#include "xml/document.hpp"

namespace valise::modules::commands {

// XEP-0004 §3.3; a text_private never comes back to anybody.
enum class FieldType : std::uint8_t {
  fixed,
  boolean,
  jid_multi,
  jid_single,
  list_single,
  text_multi,
  text_private,
  text_single,
};

struct Field {
  std::string_view name;  // var; none for fixed
  FieldType type = FieldType::text_single;
  core::Text label{};
  bool required = false;
  std::vector<std::string> values{};   // as it is before somebody changes it; of a result: the answer
  std::vector<std::string> options{};  // list_single
};

struct Form {
  core::Text title{};
  core::Text instructions{};
  std::string_view form_type{};  // XEP-0068; empty: none
  std::vector<Field> fields{};
};

// What was submitted, field by field: addresses in their one form, booleans as "1" or "0", text within bounds. Memory
// of passwords is overwritten.
class Values {
 public:
  Values() = default;
  Values(const Values&) = default;
  Values(Values&&) = default;
  Values& operator=(const Values&) = default;
  Values& operator=(Values&&) = default;
  ~Values();

  // The first value; empty: there is none.
  [[nodiscard]] const std::string& text(std::string_view name) const noexcept;
  [[nodiscard]] const std::vector<std::string>& all(std::string_view name) const noexcept;
  [[nodiscard]] bool is_true(std::string_view name) const noexcept { return text(name) == "1"; }
  void set(std::string_view name, std::vector<std::string> values);
  [[nodiscard]] const auto& entries() const noexcept { return entries_; }

 private:
  std::vector<std::pair<std::string, std::vector<std::string>>> entries_;
};

inline constexpr std::size_t longest_value = 4'096;  // bytes
inline constexpr std::size_t most_values = 256;      // of a submission

// The <x/>: type "form", with `before` in place of the fields' own values where it has one.
[[nodiscard]] std::string form_xml(const Form& form, core::Language language, const Values* before = nullptr);
// The same as type "result" (XEP-0004 §3.2).
[[nodiscard]] std::string result_xml(const Form& form, core::Language language);

// What `x` (may be null: nothing was sent) says to `form`. Fields that the form has not are left out (XEP-0004 §3.2).
// Nothing: a required field is missing, a value is none of its type, or a bound is broken.
[[nodiscard]] std::optional<Values> read_submission(xml::Element x, const Form& form);

}  // namespace valise::modules::commands
