// A second reader of XML, with nothing of Valise in it but the form of its answer: expat directly, whole input at once.
#pragma once

#include <expat.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plain {

struct Reader {
  std::string out;
  std::string text;
  std::size_t depth = 0;
  bool stream = false;  // leave out the root and the text directly in it
  void flush() {
    if (!text.empty() && (!stream || depth > 1)) out += "[" + text + "]";
    text.clear();
  }
};

inline std::string expanded(const XML_Char* name) {
  const std::string_view whole(name);
  const auto at = whole.find('\x01');
  if (at == std::string_view::npos) return "{}" + std::string(whole);
  const auto ns = whole.substr(0, at);
  const auto local = std::string(whole.substr(at + 1));
  return ns == "http://www.w3.org/XML/1998/namespace" ? "{}xml:" + local : "{" + std::string(ns) + "}" + local;
}

// The same form as valise::xml::dump(); nothing if the input is not well-formed. `stream`: only the root's children.
inline std::optional<std::string> tree(std::string_view xml, bool stream = false) {
  XML_Parser parser = XML_ParserCreateNS("UTF-8", '\x01');
  Reader reader;
  reader.stream = stream;
  XML_SetUserData(parser, &reader);
  XML_SetElementHandler(
      parser,
      [](void* self, const XML_Char* name, const XML_Char** list) {
        auto& to = *static_cast<Reader*>(self);
        to.flush();
        if (to.depth++ == 0 && to.stream) return;
        to.out += expanded(name) + "(";
        std::vector<std::string> attributes;
        for (; *list != nullptr; list += 2) attributes.push_back(expanded(list[0]) + "=" + list[1] + ";");
        std::ranges::sort(attributes);
        for (const auto& attribute : attributes) to.out += attribute;
        to.out += ")";
      },
      [](void* self, const XML_Char*) {
        auto& to = *static_cast<Reader*>(self);
        to.flush();
        if (--to.depth != 0 || !to.stream) to.out += "/";
      });
  XML_SetCharacterDataHandler(parser, [](void* self, const XML_Char* text, int length) {
    static_cast<Reader*>(self)->text.append(text, static_cast<std::size_t>(length));
  });
  const auto status = XML_Parse(parser, xml.data(), static_cast<int>(xml.size()), XML_TRUE);
  XML_ParserFree(parser);
  if (status != XML_STATUS_OK) return std::nullopt;
  return reader.out;
}

}  // namespace plain
