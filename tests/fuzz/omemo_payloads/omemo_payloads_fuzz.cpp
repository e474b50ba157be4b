// What OMEMO clients publish, and what else could come in its place. First byte: which of the readers; then XML.
// Whatever is accepted, written anew, is accepted again and is a fixed point.
#include <string>

#include "fuzz/check.hpp"
#include "modules/pep/allow_list.hpp"
#include "modules/pep/omemo_payloads.hpp"
#include "xml/document.hpp"

namespace {

using namespace valise::modules::pep;
using fuzz::check;

void list(valise::xml::Element element, OmemoVersion version) {
  const auto parsed = parse_device_list(element, version, 20);
  if (!parsed) return;
  check(parsed->devices.size() <= 20);
  const auto once = to_xml(*parsed, version);
  const auto document = valise::xml::parse_element(once);
  check(static_cast<bool>(document));
  const auto again = parse_device_list(document->root(), version, 20);
  check(again && to_xml(*again, version) == once);
}

void bundle(valise::xml::Element element, OmemoVersion version) {
  const auto parsed = parse_bundle(element, version);
  if (!parsed) return;
  check(!parsed->prekeys.empty() && parsed->prekeys.size() <= max_prekeys);
  const auto once = to_xml(*parsed);
  const auto document = valise::xml::parse_element(once);
  check(static_cast<bool>(document));
  const auto again = parse_bundle(document->root(), version);
  check(again && to_xml(*again) == once);
  check(check_keys(*parsed).has_value() == check_keys(*again).has_value());
}

void other(valise::xml::Element element, std::string_view node) {
  const auto once = allowed_payload(node, "room@chat.example.org", element);
  if (!once) return;
  const auto document = valise::xml::parse_element(*once);
  check(static_cast<bool>(document));
  const auto again = allowed_payload(node, "room@chat.example.org", document->root());
  check(again && *again == *once);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto document = valise::xml::parse_element(text);
  if (!document) return 0;
  const auto root = document->root();
  switch (data[0]) {
    case 'l':
      list(root, OmemoVersion::legacy);
      break;
    case 'L':
      list(root, OmemoVersion::omemo_2);
      break;
    case 'b':
      bundle(root, OmemoVersion::legacy);
      break;
    case 'B':
      bundle(root, OmemoVersion::omemo_2);
      break;
    case 'c':
      other(root, "urn:xmpp:bookmarks:1");
      break;
    case 's':
      other(root, "storage:bookmarks");
      break;
    case 'd':
      other(root, "urn:xmpp:mds:displayed:0");
      break;
    case 'm':
      other(root, "urn:xmpp:avatar:metadata");
      break;
    case 'v':
      other(root, "urn:xmpp:vcard4");
      break;
    case 'x':
      other(root, "eu.siacs.conversations.axolotl.verification:7");
      break;
    case 'n':
      other(root, "http://jabber.org/protocol/nick");
      break;
    default:
      check(!is_probe_payload(root) || root.attribute_count() == 0);
      break;
  }
  return 0;
}
