#include "modules/disco/verification.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::modules::disco {
namespace {

constexpr std::string_view own_node = "urn:valise:server";
constexpr std::string_view software_form = "urn:xmpp:dataforms:softwareinfo";

bool fits(std::string_view text) noexcept { return text.size() <= max_length; }

// The form, or nothing with `broken` unset if it is to be ignored.
std::optional<Form> parse_form(xml::Element element, std::size_t& values_left, bool& broken) {
  Form form;
  bool typed = false;
  for (const auto field : element.children()) {
    if (!field.is("field", core::ns::data_forms)) continue;
    const auto name = field.attribute_or_empty("var");
    std::vector<std::string> values;
    for (const auto value : field.children()) {
      if (!value.is("value", core::ns::data_forms)) continue;
      values.push_back(value.text());
      if (values_left-- == 0 || !fits(values.back()) || !fits(name)) {
        broken = true;
        return std::nullopt;
      }
    }
    if (name != "FORM_TYPE") {
      form.fields.emplace_back(name, std::move(values));
      continue;
    }
    if (field.attribute_or_empty("type") != "hidden" || values.empty()) return std::nullopt;
    if (std::ranges::any_of(values, [&values](const std::string& value) { return value != values.front(); })) {
      broken = true;
      return std::nullopt;
    }
    typed = true;
    form.type = values.front();
  }
  return typed ? std::optional(std::move(form)) : std::nullopt;
}

template <class Range>
bool has_twice(Range sorted) {
  std::ranges::sort(sorted);
  return std::ranges::adjacent_find(sorted) != sorted.end();
}

bool is_plain(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '-' || (c >= '0' && c <= '9'); });
}

bool has_separator(std::string_view text) noexcept { return text.find('<') != std::string_view::npos; }

}  // namespace

std::optional<Info> parse_info(xml::Element query) {
  if (!query.is("query", core::ns::disco_info)) return std::nullopt;
  Info info;
  std::size_t values_left = max_form_values;
  bool broken = false;
  std::size_t forms = 0;
  for (const auto child : query.children()) {
    if (child.is("identity", core::ns::disco_info)) {
      Identity identity{
          std::string(child.attribute_or_empty("category")), std::string(child.attribute_or_empty("type")),
          std::string(child.attribute_or_empty(xml::xml_lang)), std::string(child.attribute_or_empty("name"))};
      if (!fits(identity.category) || !fits(identity.type) || !fits(identity.lang) || !fits(identity.name))
        broken = true;
      info.identities.push_back(std::move(identity));
    } else if (child.is("feature", core::ns::disco_info)) {
      info.features.emplace_back(child.attribute_or_empty("var"));
      if (!fits(info.features.back())) broken = true;
    } else if (child.is("x", core::ns::data_forms)) {
      if (++forms > max_forms) broken = true;
      if (auto form = parse_form(child, values_left, broken)) info.forms.push_back(std::move(*form));
    }
    if (broken || info.identities.size() > max_identities || info.features.size() > max_features) return std::nullopt;
  }
  std::vector<std::string> types;
  for (const auto& form : info.forms) types.push_back(form.type);
  if (has_twice(info.identities) || has_twice(info.features) || has_twice(types)) return std::nullopt;
  return info;
}

std::optional<crypto::Hash> hash_named(std::string_view name) noexcept {
  if (name == "sha-1") return crypto::Hash::sha1;
  if (name == "sha-256") return crypto::Hash::sha256;
  if (name == "sha-512") return crypto::Hash::sha512;
  return std::nullopt;
}

std::string verification_string(const Info& info, crypto::Hash hash) {
  std::string text;
  auto identities = info.identities;
  std::ranges::sort(identities);
  for (const auto& identity : identities) {
    text += identity.category + '/' + identity.type + '/' + identity.lang + '/' + identity.name + '<';
  }
  auto features = info.features;
  std::ranges::sort(features);
  for (const auto& feature : features) text += feature + '<';
  auto forms = info.forms;
  std::ranges::sort(forms, {}, &Form::type);
  for (auto& form : forms) {
    text += form.type + '<';
    std::ranges::sort(form.fields, {}, [](const auto& field) -> const std::string& { return field.first; });
    for (auto& [name, values] : form.fields) {
      text += name + '<';
      std::ranges::sort(values);
      for (const auto& value : values) text += value + '<';
    }
  }
  return crypto::base64_encode(crypto::digest(hash, text));
}

bool is_shareable(const Info& info) noexcept {
  const bool identities = std::ranges::all_of(info.identities, [](const Identity& identity) {
    return !identity.category.empty() && is_plain(identity.category) && is_plain(identity.type) &&
           !has_separator(identity.lang) && identity.lang.find('/') == std::string::npos &&
           !has_separator(identity.name);
  });
  const bool features =
      std::ranges::none_of(info.features, [](const std::string& f) { return f.empty() || has_separator(f); });
  const bool forms = std::ranges::all_of(info.forms, [](const Form& form) {
    return form.type == software_form && std::ranges::none_of(form.fields, [](const auto& field) {
             return has_separator(field.first) ||
                    std::ranges::any_of(field.second, [](const std::string& value) { return has_separator(value); });
           });
  });
  return identities && features && forms;
}

std::string stream_feature(const Info& server) {
  std::string out;
  xml::Writer writer(out);
  writer.open("c", core::ns::caps).attribute("hash", "sha-1").attribute("node", own_node);
  writer.attribute("ver", verification_string(server, crypto::Hash::sha1)).close();
  return out;
}

bool is_own_node(std::string_view node, const Info& server) {
  if (!node.starts_with(own_node) || node.substr(own_node.size(), 1) != "#") return false;
  return node.substr(own_node.size() + 1) == verification_string(server, crypto::Hash::sha1);
}

}  // namespace valise::modules::disco
