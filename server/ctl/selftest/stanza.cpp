#include "selftest/stanza.hpp"

namespace valise::ctl::selftest {
namespace {

std::string_view or_empty(const char* text) { return text == nullptr ? std::string_view() : std::string_view(text); }

xmpp_stanza_t* element_from(xmpp_stanza_t* at) {
  while (at != nullptr && xmpp_stanza_is_tag(at) == 0) at = xmpp_stanza_get_next(at);
  return at;
}

}  // namespace

std::string_view Element::name() const {
  return at_ == nullptr ? std::string_view() : or_empty(xmpp_stanza_get_name(at_));
}

bool Element::is(std::string_view name, std::string_view ns) const { return this->name() == name && this->ns() == ns; }

std::string_view Element::attribute(const char* name) const {
  return at_ == nullptr ? std::string_view() : or_empty(xmpp_stanza_get_attribute(at_, name));
}

std::string Element::text() const {
  if (at_ == nullptr) return {};
  char* text = xmpp_stanza_get_text(at_);
  std::string out(or_empty(text));
  if (text != nullptr) xmpp_free(xmpp_stanza_get_context(at_), text);
  return out;
}

Element Element::first() const {
  return at_ == nullptr ? Element() : Element(element_from(xmpp_stanza_get_children(at_)));
}

Element Element::next() const { return at_ == nullptr ? Element() : Element(element_from(xmpp_stanza_get_next(at_))); }

Element Element::child(std::string_view name, std::string_view ns) const {
  auto at = first();
  while (at && !at.is(name, ns)) at = at.next();
  return at;
}

Stanza parsed(xmpp_ctx_t* context, const std::string& text) {
  return Stanza(xmpp_stanza_new_from_string(context, text.c_str()));
}

}  // namespace valise::ctl::selftest
