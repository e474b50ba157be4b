// Writes XML as text. Everything that comes from outside goes through the escaping functions; nothing else exists.
#pragma once

#include <string>
#include <string_view>

#include "xml/document.hpp"

namespace valise::xml {

void append_escaped_text(std::string& out, std::string_view text);
// For attribute values in single or double quotes.
void append_escaped_attribute(std::string& out, std::string_view value);
[[nodiscard]] std::string escaped(std::string_view text);

// Writes `element` anew from the tree: declared namespaces only where they differ from `parent_ns`, no prefixes but
// for qualified attributes.
void append_tree(std::string& out, Element element, std::string_view parent_ns);

// The element as it came where its bytes are portable, otherwise written anew.
void append_element(std::string& out, Element element, std::string_view parent_ns);

// A small chained writer: Writer(out).open("iq").attribute("type", "result").…close().
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  Writer& open(std::string_view name, std::string_view ns = {});
  // Left out when `value` is empty.
  Writer& attribute_if(std::string_view name, std::string_view value);
  Writer& attribute(std::string_view name, std::string_view value);
  Writer& text(std::string_view text);
  Writer& raw(std::string_view xml);  // well-formed XML that this server wrote or validated
  Writer& content();                  // ends the start tag: others may write what is inside to the string themselves
  Writer& element(std::string_view name, std::string_view ns = {}, std::string_view text = {});  // open … close
  Writer& close();
  void close_all();

 private:
  void finish_start_tag();
  static constexpr std::size_t max_depth = 12;
  std::string& out_;
  std::string_view names_[max_depth];
  std::size_t depth_ = 0;
  bool in_start_tag_ = false;
};

}  // namespace valise::xml
