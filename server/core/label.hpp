// Classification labels that messages carry outside of their seal (XEP-0258).
#pragma once

#include <string>
#include <utility>

#include "base/ref.hpp"
#include "xml/document.hpp"

namespace valise::core {

// One of a catalogue. Immutable; shards share it.
struct Label final : RefCounted<Label> {
  Label(std::string short_name, std::string element) : name(std::move(short_name)), xml(std::move(element)) {}
  const std::string name;  // as rules call it: "secret"
  const std::string xml;   // <securitylabel/>, as messages carry it
};

// Those of a host: nothing else passes as one. Immutable, any thread.
class Labels : public RefCounted<Labels> {
 public:
  virtual ~Labels() = default;
  // The one that a client's <securitylabel/> equals; null: none.
  [[nodiscard]] virtual Ref<const Label> find(xml::Element element) const = 0;
  // Of a message that was kept, the one with the same <label/>: its marking may have been another then.
  [[nodiscard]] virtual Ref<const Label> find_kept(xml::Element element) const = 0;
};

// What a stanza says by XEP-0258.
struct LabelsIn {
  xml::Element first;  // of its <securitylabel/> children
  unsigned count = 0;
};
[[nodiscard]] LabelsIn labels_in(xml::Element stanza);

// Of a message that was kept. Null: it carries none, more than one, or one that its sender's host does not have (any
// more). `labels` may be null.
[[nodiscard]] Ref<const Label> label_of_kept(xml::Element message, const Labels* labels);

}  // namespace valise::core
