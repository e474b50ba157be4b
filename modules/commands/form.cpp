#include "modules/commands/form.hpp"

#include <algorithm>

#include "base/crypto.hpp"
#include "core/jid/jid.hpp"
#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::modules::commands {
namespace {

constexpr std::size_t most_fields = 64;

std::string_view name_of(FieldType type) noexcept {
  switch (type) {
    case FieldType::fixed:
      return "fixed";
    case FieldType::boolean:
      return "boolean";
    case FieldType::jid_multi:
      return "jid-multi";
    case FieldType::jid_single:
      return "jid-single";
    case FieldType::list_single:
      return "list-single";
    case FieldType::text_multi:
      return "text-multi";
    case FieldType::text_private:
      return "text-private";
    case FieldType::text_single:
      return "text-single";
  }
  return "text-single";
}

bool is_multi(FieldType type) noexcept { return type == FieldType::jid_multi || type == FieldType::text_multi; }

std::string to_xml(const Form& form, core::Language language, std::string_view type, const Values* before) {
  std::string out;
  xml::Writer writer(out);
  writer.open("x", core::ns::data_forms).attribute("type", type);
  if (!form.title.english.empty()) writer.element("title", {}, form.title.in(language));
  if (!form.instructions.english.empty()) writer.element("instructions", {}, form.instructions.in(language));
  if (!form.form_type.empty()) {
    writer.open("field").attribute("type", "hidden").attribute("var", "FORM_TYPE");
    writer.element("value", {}, form.form_type).close();
  }
  for (const auto& field : form.fields) {
    writer.open("field").attribute("type", name_of(field.type)).attribute_if("var", field.name);
    writer.attribute_if("label", field.label.in(language));
    if (field.required) writer.element("required");
    const auto& said = before == nullptr ? field.values : before->all(field.name);
    const bool secret = field.type == FieldType::text_private;
    for (const auto& value : said.empty() ? field.values : said) {
      if (!secret) writer.element("value", {}, value);
    }
    for (const auto& option : field.options) writer.open("option").element("value", {}, option).close();
    writer.close();
  }
  writer.close();
  return out;
}

// One value in its one form; nothing: it is none of that type.
std::optional<std::string> read_value(std::string text, const Field& field) {
  if (text.size() > longest_value) return std::nullopt;
  switch (field.type) {
    case FieldType::boolean:  // XEP-0004 §3.3
      if (text == "1" || text == "true") return "1";
      if (text == "0" || text == "false") return "0";
      return std::nullopt;
    case FieldType::jid_multi:
    case FieldType::jid_single: {
      const auto jid = core::Jid::parse(text);
      return jid ? std::optional(jid->str()) : std::nullopt;
    }
    case FieldType::list_single:
      return std::ranges::find(field.options, text) == field.options.end() ? std::nullopt : std::optional(text);
    default:
      return text;
  }
}

std::optional<std::vector<std::string>> read_values(xml::Element element, const Field& field, std::size_t& left) {
  std::vector<std::string> values;
  for (const auto child : element.children()) {
    if (!child.is("value", core::ns::data_forms)) continue;
    auto text = child.text();
    if (left-- == 0) return std::nullopt;
    if (text.empty() && field.type != FieldType::text_multi) continue;  // a field that was left empty
    auto value = read_value(std::move(text), field);
    if (!value) return std::nullopt;
    // XEP-0004 §3.3: an address stands there once.
    const bool twice = field.type == FieldType::jid_multi && std::ranges::find(values, *value) != values.end();
    if (!twice) values.push_back(std::move(*value));
  }
  if (values.size() > 1 && !is_multi(field.type)) return std::nullopt;
  return values;
}

}  // namespace

Values::~Values() {
  for (auto& [name, values] : entries_) {
    for (auto& value : values) crypto::wipe(value);
  }
}

const std::vector<std::string>& Values::all(std::string_view name) const noexcept {
  static const std::vector<std::string> none;
  const auto found = std::ranges::find(entries_, name, [](const auto& entry) { return std::string_view(entry.first); });
  return found == entries_.end() ? none : found->second;
}

const std::string& Values::text(std::string_view name) const noexcept {
  static const std::string none;
  const auto& values = all(name);
  return values.empty() ? none : values.front();
}

void Values::set(std::string_view name, std::vector<std::string> values) {
  const auto found = std::ranges::find(entries_, name, [](const auto& entry) { return std::string_view(entry.first); });
  if (found != entries_.end()) {
    found->second = std::move(values);
  } else {
    entries_.emplace_back(name, std::move(values));
  }
}

std::string form_xml(const Form& form, core::Language language, const Values* before) {
  return to_xml(form, language, "form", before);
}

std::string result_xml(const Form& form, core::Language language) { return to_xml(form, language, "result", nullptr); }

std::optional<Values> read_submission(xml::Element x, const Form& form) {
  Values values;
  std::size_t fields = 0;
  std::size_t left = most_values;
  for (const auto element : x ? x.children() : xml::Element::Range{{nullptr, 0, 0}, {nullptr, 0, 0}}) {
    if (!element.is("field", core::ns::data_forms)) continue;
    if (++fields > most_fields) return std::nullopt;
    const auto name = element.attribute_or_empty("var");
    if (name == "FORM_TYPE" && !form.form_type.empty()) {
      if (element.child("value", core::ns::data_forms).text() != form.form_type) return std::nullopt;
      continue;
    }
    const auto field = std::ranges::find(form.fields, name, &Field::name);
    if (name.empty() || field == form.fields.end() || field->type == FieldType::fixed) continue;
    auto read = read_values(element, *field, left);
    if (!read) return std::nullopt;
    values.set(name, std::move(*read));
  }
  const bool complete = std::ranges::all_of(
      form.fields, [&](const Field& field) { return !field.required || !values.all(field.name).empty(); });
  return complete ? std::optional(std::move(values)) : std::nullopt;
}

}  // namespace valise::modules::commands
