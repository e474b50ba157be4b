#include "core/label.hpp"

#include "core/namespaces.hpp"

namespace valise::core {

LabelsIn labels_in(xml::Element stanza) {
  LabelsIn found;
  for (const auto child : stanza.children()) {
    if (!child.is("securitylabel", ns::security_label)) continue;
    if (found.count++ == 0) found.first = child;
  }
  return found;
}

Ref<const Label> label_of_kept(xml::Element message, const Labels* labels) {
  if (labels == nullptr) return {};
  const auto found = labels_in(message);
  return found.count == 1 ? labels->find_kept(found.first) : Ref<const Label>();
}

}  // namespace valise::core
