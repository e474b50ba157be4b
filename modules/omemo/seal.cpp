// docs/sealed.md D1: a valid <encrypted/> goes out as the bytes that came in if there is nothing in them that its
// content does not need. Blanks between elements, around values and inside tags could be as many as a stanza holds.
#include "base/trim.hpp"
#include "modules/omemo/allow_list.hpp"
#include "modules/omemo/values.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo {
namespace {

// The fewest bytes in which XML says this, for content without characters that are escaped (base64, numbers, flags).
std::size_t fewest_bytes(xml::Element encrypted) {
  const auto* document = encrypted.document();
  const auto end = document->node(encrypted.index()).end;
  std::size_t total = std::string_view(" xmlns=''").size() + encrypted.ns().size();
  for (auto i = encrypted.index(); i < end; ++i) {
    const xml::Element node(document, i);
    if (node.is_text()) {
      total += trimmed(document->view(document->node(i).name)).size();
      continue;
    }
    const bool empty = document->node(i).end == i + 1;
    total += empty ? std::string_view("</>").size() + node.name().size()
                   : std::string_view("<></>").size() + 2 * node.name().size();
    const auto* attribute = node.attributes_begin();
    for (std::uint32_t k = 0; k < node.attribute_count(); ++k, ++attribute) {
      total += std::string_view(" =''").size() + attribute->name.length + attribute->value.length;
    }
  }
  return total;
}

// Of a valid one, which is four levels deep and has no attributes in a namespace.
void append_without_blanks(xml::Writer& writer, xml::Element element, std::string_view ns) {
  const auto* document = element.document();
  writer.open(element.name(), ns);
  const auto* attribute = element.attributes_begin();
  for (std::uint32_t i = 0; i < element.attribute_count(); ++i, ++attribute) {
    writer.attribute(document->view(attribute->name), document->view(attribute->value));
  }
  for (const auto child : element.children()) {
    if (child.is_text()) {
      writer.text(trimmed(document->view(document->node(child.index()).name)));
    } else {
      append_without_blanks(writer, child, {});
    }
  }
  writer.close();
}

}  // namespace

void append_encrypted(std::string& out, xml::Element element) {
  const auto raw = element.raw();
  const bool plain = element.document()->raw_is_portable() && element.declares_ns() &&
                     raw.size() == fewest_bytes(element) && raw.find('&') == std::string_view::npos;
  if (plain) {
    out += raw;
  } else {
    xml::Writer writer(out);
    append_without_blanks(writer, element, element.ns());
  }
}

}  // namespace valise::modules::omemo
