// What libstrophe read, to be looked at. Everything in it is hostile: who reads it bounds it.
#pragma once

#include <strophe.h>

#include <memory>
#include <string>
#include <string_view>

namespace valise::ctl::selftest {

struct StanzaRelease {
  void operator()(xmpp_stanza_t* stanza) const noexcept { xmpp_stanza_release(stanza); }
};
// Goes before its context.
using Stanza = std::unique_ptr<xmpp_stanza_t, StanzaRelease>;

// A view; empty where there is no such element.
class Element {
 public:
  Element() = default;
  explicit Element(xmpp_stanza_t* at) : at_(at) {}
  explicit Element(const Stanza& stanza) : at_(stanza.get()) {}
  explicit operator bool() const noexcept { return at_ != nullptr; }

  [[nodiscard]] std::string_view name() const;
  [[nodiscard]] std::string_view ns() const { return attribute("xmlns"); }
  [[nodiscard]] bool is(std::string_view name, std::string_view ns) const;
  [[nodiscard]] std::string_view attribute(const char* name) const;  // empty: not there
  [[nodiscard]] std::string text() const;                            // its own, without that of its children
  [[nodiscard]] Element first() const;                               // child
  [[nodiscard]] Element next() const;                                // sibling
  [[nodiscard]] Element child(std::string_view name, std::string_view ns) const;

 private:
  xmpp_stanza_t* at_ = nullptr;
};

// Null: it is not well-formed.
[[nodiscard]] Stanza parsed(xmpp_ctx_t* context, const std::string& text);

}  // namespace valise::ctl::selftest
