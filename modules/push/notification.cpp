#include "modules/push/notification.hpp"

#include "core/namespaces.hpp"
#include "modules/push/registration.hpp"
#include "xml/writer.hpp"

namespace valise::modules::push {

std::string notification(std::string_view node, std::string_view options, const Summary& summary) {
  std::string out;
  xml::Writer writer(out);
  const auto field = [&](std::string_view name, std::string_view value) {
    writer.open("field").attribute("var", name).element("value", {}, value).close();
  };
  writer.open("pubsub", core::ns::pubsub).open("publish").attribute_if("node", node).open("item");
  writer.open("notification", ns_push).open("x", core::ns::data_forms).attribute("type", "result");
  writer.open("field").attribute("var", "FORM_TYPE").attribute("type", "hidden");
  writer.element("value", {}, "urn:xmpp:push:summary").close();
  field("message-count", std::to_string(summary.messages));
  if (summary.pending_subscriptions != 0) {
    field("pending-subscription-count", std::to_string(summary.pending_subscriptions));
  }
  if (!summary.last_sender.empty()) field("last-message-sender", summary.last_sender);
  writer.close().close().close().close();
  if (!options.empty()) writer.open("publish-options").raw(options).close();
  writer.close();
  return out;
}

}  // namespace valise::modules::push
