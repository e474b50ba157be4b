#include "modules/omemo/cut.hpp"

#include <algorithm>
#include <charconv>

#include "core/namespaces.hpp"
#include "modules/omemo/devices.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo {
namespace {
namespace ns = core::ns;

template <class Test>
bool any_child(xml::Element parent, Test test) {
  for (const auto child : parent.children()) {
    if (!child.is_text() && test(child)) return true;
  }
  return false;
}

class Cut {
 public:
  Cut(std::string_view account, std::span<const std::uint32_t> devices) : account_(account), devices_(devices) {}

  // Whether one of its keys goes.
  [[nodiscard]] bool concerns(xml::Element encrypted) const {
    return any_child(encrypted.child("header", encrypted.ns()), [this](xml::Element child) {
      if (child.is("key", ns::omemo_legacy)) return goes(child);
      return is_own_group(child) && any_child(child, [this](xml::Element key) { return goes(key); });
    });
  }

  // Without them; nothing if no key is left.
  void append(std::string& out, xml::Element encrypted) const {
    const auto header = encrypted.child("header", encrypted.ns());
    std::string rest;
    bool any = false;
    for (const auto child : header.children()) {
      if (child.is_text() || (child.is("key", ns::omemo_legacy) && goes(child))) continue;
      if (is_own_group(child)) {
        any = append_group(rest, child) || any;
        continue;
      }
      any = any || child.name() != "iv";
      xml::append_element(rest, child, encrypted.ns());
    }
    if (!any) return;
    xml::Writer writer(out);
    writer.open("encrypted", encrypted.ns()).open("header").attribute("sid", header.attribute_or_empty("sid"));
    writer.raw(rest).close();
    if (const auto payload = encrypted.child("payload", encrypted.ns())) {
      std::string text;
      xml::append_element(text, payload, encrypted.ns());
      writer.raw(text);
    }
    writer.close();
  }

 private:
  [[nodiscard]] bool is_own_group(xml::Element child) const {
    return child.is("keys", ns::omemo_2) && child.attribute_or_empty("jid") == account_;
  }
  [[nodiscard]] bool goes(xml::Element key) const {
    const auto text = key.attribute_or_empty("rid");
    std::uint32_t device = 0;
    std::from_chars(text.data(), text.data() + text.size(), device);
    return std::ranges::find(devices_, device) != devices_.end();
  }
  // False: no key of it is left, and there is no group.
  bool append_group(std::string& out, xml::Element group) const {
    std::string keys;
    for (const auto key : group.children()) {
      if (!key.is_text() && !goes(key)) xml::append_element(keys, key, ns::omemo_2);
    }
    if (keys.empty()) return false;
    xml::Writer(out).open("keys").attribute("jid", account_).raw(keys).close();
    return true;
  }

  std::string_view account_;
  std::span<const std::uint32_t> devices_;
};

}  // namespace

std::optional<std::string> without_keys_for(const core::Stanza& stanza, std::string_view account,
                                            std::span<const std::uint32_t> devices) {
  const Cut cut(account, devices);
  const auto concerned = [&](xml::Element child) { return is_encrypted(child) && cut.concerns(child); };
  if (!any_child(stanza.root(), concerned)) return std::nullopt;
  // What goes on, not what came.
  std::string children;
  stanza.append_children(children);
  const auto document = xml::parse_element("<message>" + children + "</message>", ns::client);
  if (!document || !any_child(document->root(), concerned)) return std::nullopt;
  std::string out;
  for (const auto child : document->root().children()) {
    if (child.is_text()) continue;
    if (concerned(child)) {
      cut.append(out, child);
    } else {
      xml::append_element(out, child, ns::client);
    }
  }
  return out;
}

}  // namespace valise::modules::omemo
