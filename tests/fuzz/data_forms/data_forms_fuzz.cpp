// A submitted form (XEP-0004) about a node's configuration, and the owner's answer to a request. First byte: the node,
// and whether content is sealed; then the form. What must hold:
//  - what is read is within its bounds, and so is the configuration that it makes;
//  - a configuration meets what was asked for, and asking for it again changes nothing;
//  - the form that is shown of it, sent back as it is, is a success that changes nothing (Dino does that);
//  - what is stored of it is read back as it was.
#include <string>

#include "core/namespaces.hpp"
#include "core/stanza.hpp"
#include "fuzz/check.hpp"
#include "modules/pep/module.hpp"
#include "xml/document.hpp"

namespace {

using namespace valise;
using namespace valise::modules::pep;
using fuzz::check;

constexpr std::string_view form_type = "http://jabber.org/protocol/pubsub#node_config";
constexpr std::string_view nodes[] = {"urn:xmpp:avatar:metadata", "urn:xmpp:bookmarks:1", "urn:example:any",
                                      "eu.siacs.conversations.axolotl.devicelist"};
constexpr NodeLimits limits{.max_items = 256, .item_bytes = 96 * 1024};

Fields sent_back(std::string form) {
  const auto at = form.find("type='form'");
  check(at != std::string::npos, "no form is shown");
  form.replace(at, 11, "type='submit'");
  const auto document = xml::parse_element(form);
  check(static_cast<bool>(document), "the form that is shown can't be read");
  auto fields = read_form(document->root(), form_type);
  check(fields.has_value(), "the form that is shown is refused");
  return std::move(*fields);
}

void check_config(const NodeConfig& config, std::string_view node, bool sealed) {
  check(config.title.size() <= max_node_text && config.description.size() <= max_node_text, "a text is too long");
  check(config.groups.size() <= 32, "too many groups");
  check(items_kept(config, node, limits) <= 256, "too many items are kept");
  check(payload_limit(config, limits) <= limits.item_bytes, "a payload may be too large");
  if (sealed) {
    check(config.title.empty() && config.description.empty() && config.type.empty(), "prose is heard");
    check(config.publish == PublishModel::publishers, "others may publish");
    check(!is_private(node) || config.access == AccessModel::whitelist, "a private node is open");
  }
  check(from_stored(node, to_stored(config)) == config, "a stored configuration is another one");
  const auto shown = config_form(config, limits);
  const auto again = apply(config, node, sent_back(shown), limits, sealed);
  check(again && *again == config, "the form that was shown, sent back, changes the node");
  check(meets(config, node, sent_back(shown), limits), "a node does not meet its own form");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto node = nodes[data[0] & 3U];
  const bool sealed = (data[0] & 4U) != 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto document = xml::parse_element(text);
  if (!document) return 0;
  const auto fields = read_form(document->root(), form_type);
  if (const auto whole = xml::parse_element("<message xmlns='jabber:client'>" + text + "</message>")) {
    const auto message = core::make_stanza(whole);
    check(!message || !*message || !is_approval(**message) || !fields, "an answer to a request configures a node");
  }
  if (!fields) return 0;
  check(fields->size() <= 64, "too many fields");
  for (const auto& [name, values] : *fields) check(!name.empty() && values.size() <= 64, "too many values");
  (void)meets(default_config(node), node, *fields, limits);
  const auto config = apply(default_config(node), node, *fields, limits, sealed);
  if (!config) return 0;
  const auto twice = apply(*config, node, *fields, limits, sealed);
  check(twice && *twice == *config, "asking again changes the node");
  check_config(*config, node, sealed);
  return 0;
}
