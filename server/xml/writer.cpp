#include "xml/writer.hpp"

#include <array>
#include <stdexcept>
#include <vector>

namespace valise::xml {
namespace {

// Which bytes of a text, or of an attribute's value, are not written as they are.
template <bool attribute>
constexpr auto special = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 0x20; ++c) table[c] = attribute || (c != '\n' && c != '\t');
  for (const char c : std::string_view("&<>")) table[static_cast<unsigned char>(c)] = true;
  table['\''] = table['"'] = attribute;
  return table;
}();

template <bool attribute>
void append_escaped(std::string& out, std::string_view text) {
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!special<attribute>[static_cast<unsigned char>(text[i])]) continue;
    std::string_view replacement;
    switch (text[i]) {
      case '&':
        replacement = "&amp;";
        break;
      case '<':
        replacement = "&lt;";
        break;
      case '>':
        replacement = "&gt;";
        break;
      case '\r':
        replacement = "&#13;";
        break;
      case '\'':
        replacement = "&apos;";
        break;
      case '"':
        replacement = "&quot;";
        break;
      case '\n':
        replacement = "&#10;";
        break;
      case '\t':
        replacement = "&#9;";
        break;
      default:
        replacement = "\xef\xbf\xbd";  // no character of XML 1.0: a reader would end the stream
        break;
    }
    out.append(text, start, i - start);
    out += replacement;
    start = i + 1;
  }
  out.append(text, start);
}

void append_attributes(std::string& out, Element element) {
  const auto* document = element.document();
  const auto* record = element.attributes_begin();
  for (std::uint32_t i = 0; i < element.attribute_count(); ++i, ++record) {
    out.push_back(' ');
    if (record->ns.length != 0) {
      const std::string prefix = "a" + std::to_string(i);
      out += "xmlns:" + prefix + "='";
      append_escaped<true>(out, document->view(record->ns));
      out += "' " + prefix + ":";
    }
    out += document->view(record->name);
    out += "='";
    append_escaped<true>(out, document->view(record->value));
    out.push_back('\'');
  }
}

void append_start(std::string& out, Element element, std::string_view parent_ns) {
  out.push_back('<');
  out += element.name();
  if (element.ns() != parent_ns) {
    out += " xmlns='";
    append_escaped<true>(out, element.ns());
    out.push_back('\'');
  }
  append_attributes(out, element);
}

}  // namespace

void append_escaped_text(std::string& out, std::string_view text) { append_escaped<false>(out, text); }
void append_escaped_attribute(std::string& out, std::string_view value) { append_escaped<true>(out, value); }

std::string escaped(std::string_view text) {
  std::string out;
  append_escaped<true>(out, text);
  return out;
}

// No recursion over input: the open elements are a stack of indexes (docs/security.md §2: nesting).
void append_tree(std::string& out, Element element, std::string_view parent_ns) {
  const auto* document = element.document();
  if (document == nullptr) return;
  std::vector<std::uint32_t> open;
  const auto close_until = [&](std::uint32_t index) {
    while (!open.empty() && document->node(open.back()).end <= index) {
      out += "</";
      out += Element(document, open.back()).name();
      out.push_back('>');
      open.pop_back();
    }
  };
  const auto end = document->node(element.index()).end;
  for (std::uint32_t i = element.index(); i < end; ++i) {
    close_until(i);
    const Element node(document, i);
    if (node.is_text()) {
      append_escaped<false>(out, document->view(document->node(i).name));
      continue;
    }
    append_start(out, node, open.empty() ? parent_ns : Element(document, open.back()).ns());
    if (document->node(i).end == i + 1) {
      out += "/>";
    } else {
      out.push_back('>');
      open.push_back(i);
    }
  }
  close_until(end);
}

void append_element(std::string& out, Element element, std::string_view parent_ns) {
  const auto* document = element.document();
  if (document == nullptr) return;
  // Bytes pass only where what they inherit is the same there as here.
  if (document->raw_is_portable() && !element.is_text() && (element.ns() == parent_ns || element.declares_ns())) {
    out += element.raw();
    return;
  }
  append_tree(out, element, parent_ns);
}

void Writer::finish_start_tag() {
  if (in_start_tag_) out_.push_back('>');
  in_start_tag_ = false;
}

Writer& Writer::open(std::string_view name, std::string_view ns) {
  finish_start_tag();
  if (depth_ == max_depth) throw std::logic_error("xml::Writer: too deep");
  out_.push_back('<');
  out_ += name;
  if (!ns.empty()) attribute("xmlns", ns);
  names_[depth_++] = name;
  in_start_tag_ = true;
  return *this;
}

Writer& Writer::attribute_if(std::string_view name, std::string_view value) {
  return value.empty() ? *this : attribute(name, value);
}

Writer& Writer::attribute(std::string_view name, std::string_view value) {
  out_.push_back(' ');
  out_ += name;
  out_ += "='";
  append_escaped_attribute(out_, value);
  out_.push_back('\'');
  return *this;
}

Writer& Writer::text(std::string_view text) {
  if (text.empty()) return *this;
  finish_start_tag();
  append_escaped_text(out_, text);
  return *this;
}

Writer& Writer::raw(std::string_view xml) {
  if (xml.empty()) return *this;
  finish_start_tag();
  out_ += xml;
  return *this;
}

Writer& Writer::content() {
  finish_start_tag();
  return *this;
}

Writer& Writer::element(std::string_view name, std::string_view ns, std::string_view content) {
  return open(name, ns).text(content).close();
}

Writer& Writer::close() {
  if (depth_ == 0) throw std::logic_error("xml::Writer: nothing open");
  const auto name = names_[--depth_];
  if (in_start_tag_) {
    out_ += "/>";
    in_start_tag_ = false;
  } else {
    out_ += "</";
    out_ += name;
    out_.push_back('>');
  }
  return *this;
}

void Writer::close_all() {
  while (depth_ != 0) close();
}

}  // namespace valise::xml
