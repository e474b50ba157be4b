#include "modules/reports/report.hpp"

#include <algorithm>
#include <charconv>

#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::modules::reports {
namespace {

constexpr std::string_view reason_prefix = "urn:xmpp:reporting:";

bool is_reason(std::string_view text) noexcept { return text == "spam" || text == "abuse"; }

bool is_message_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= max_message_id &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

std::string printable(std::string_view text, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < text.size() && out.size() < most; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) {
      out += ' ';
    } else if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      out += ' ';  // U+0080 … U+009F
      ++i;
    } else {
      out += text[i];
    }
  }
  // What was cut in the middle of a character goes whole.
  if (out.size() < text.size()) {
    auto last = out.size();
    while (last > 0 && (static_cast<unsigned char>(out[last - 1]) & 0xc0U) == 0x80) --last;
    const auto lead = last == 0 ? 0U : static_cast<unsigned char>(out[last - 1]);
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (last > 0 && out.size() - (last - 1) < length) out.resize(last - 1);
  }
  return out;
}

std::optional<Report> read_report(xml::Element report) {
  if (!report.is("report", ns_reporting)) return std::nullopt;
  const auto reason = report.attribute_or_empty("reason");
  if (!reason.starts_with(reason_prefix) || !is_reason(reason.substr(reason_prefix.size()))) return std::nullopt;
  Report out;
  out.reason = reason.substr(reason_prefix.size());
  for (const auto child : report.children()) {
    const auto id = child.is("stanza-id", core::ns::stanza_ids) ? child.attribute_or_empty("id") : std::string_view();
    const bool is_new = std::ranges::find(out.messages, id) == out.messages.end();
    if (is_message_id(id) && is_new && out.messages.size() < max_messages) out.messages.emplace_back(id);
  }
  out.text = printable(report.child("text", ns_reporting).text(), max_text);
  return out;
}

std::string to_stored(const Report& report) {
  std::string out;
  xml::Writer writer(out);
  writer.open("report").attribute("at", std::to_string(report.at_ms)).attribute("by", report.reporter);
  writer.attribute("of", report.reported).attribute("reason", report.reason);
  for (const auto& id : report.messages) writer.element("message", {}, id);
  if (!report.text.empty()) writer.element("text", {}, report.text);
  writer.close();
  return out;
}

std::optional<Report> from_stored(std::string_view xml) {
  const auto document = xml::parse_element(xml);
  if (!document || document->root().name() != "report") return std::nullopt;
  const auto root = document->root();
  Report out;
  const auto at = root.attribute_or_empty("at");
  const auto [end, problem] = std::from_chars(at.data(), at.data() + at.size(), out.at_ms);
  if (problem != std::errc() || end != at.data() + at.size()) return std::nullopt;
  out.reporter = root.attribute_or_empty("by");
  out.reported = root.attribute_or_empty("of");
  out.reason = root.attribute_or_empty("reason");
  for (const auto child : root.children()) {
    if (child.name() == "message" && !child.is_text()) out.messages.push_back(child.text());
    if (child.name() == "text" && !child.is_text()) out.text = child.text();
  }
  return out;
}

}  // namespace valise::modules::reports
