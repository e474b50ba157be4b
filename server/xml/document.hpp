// A stanza as one immutable, reference-counted block: nodes, attributes, decoded text and the very bytes that came in.
// Shards hand it on by pointer; every view below looks into the block and lives as long as a DocumentPtr to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ref.hpp"

namespace valise::xml {

class Document;
using DocumentPtr = Ref<const Document>;

inline constexpr std::string_view xml_lang = "xml:lang";

// Offsets into the text arena of the block.
struct Span {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

struct AttributeRecord {
  Span ns;  // empty for unqualified ones; attributes of the xml: prefix are named "xml:…" and have no ns
  Span name;
  Span value;
};

struct NodeRecord {
  Span ns;    // text nodes: unused
  Span name;  // text nodes: the text
  std::uint32_t first_attribute = 0;
  std::uint32_t attribute_count = 0;  // text_marker: this is a text node
  std::uint32_t end = 0;              // index after the last descendant = next sibling, if the parent goes so far
  std::uint32_t raw_begin = 0;        // the element's bytes in Document::raw()
  std::uint32_t raw_end = 0;
  bool declares_ns = false;  // its start tag holds xmlns='…'
  static constexpr std::uint32_t text_marker = 0xffffffff;
};

// A node of a document; cheap to copy. An empty Element (operator bool false) answers every question with "nothing".
class Element {
 public:
  Element() = default;
  Element(const Document* document, std::uint32_t index) : document_(document), index_(index) {}

  explicit operator bool() const noexcept { return document_ != nullptr; }
  [[nodiscard]] bool is_text() const noexcept;
  [[nodiscard]] std::string_view name() const noexcept;
  [[nodiscard]] std::string_view ns() const noexcept;
  [[nodiscard]] bool is(std::string_view name, std::string_view ns) const noexcept;
  // The unqualified attribute `name` (or "xml:lang").
  [[nodiscard]] std::optional<std::string_view> attribute(std::string_view name) const noexcept;
  // Like attribute(), with "" for a missing one.
  [[nodiscard]] std::string_view attribute_or_empty(std::string_view name) const noexcept;
  [[nodiscard]] std::uint32_t attribute_count() const noexcept;
  // All direct text, concatenated.
  [[nodiscard]] std::string text() const;
  // The direct text if it is one run or none (no copy); elements with text between children give nothing.
  [[nodiscard]] std::optional<std::string_view> single_text() const noexcept;
  [[nodiscard]] bool has_visible_text() const noexcept;  // any direct text but XML white space
  [[nodiscard]] Element child(std::string_view name, std::string_view ns) const noexcept;
  [[nodiscard]] Element first_element() const noexcept;  // first child that is no text
  // The bytes as they came; only to be sent on when Document::raw_is_portable().
  [[nodiscard]] std::string_view raw() const noexcept;
  [[nodiscard]] const AttributeRecord* attributes_begin() const noexcept;
  // The start tag itself says its namespace, so that the bytes mean the same under any parent.
  [[nodiscard]] bool declares_ns() const noexcept;
  [[nodiscard]] const Document* document() const noexcept { return document_; }
  [[nodiscard]] std::uint32_t index() const noexcept { return index_; }

  class Iterator {
   public:
    Iterator(const Document* document, std::uint32_t index, std::uint32_t end)
        : document_(document), index_(index), end_(end) {}
    Element operator*() const { return {document_, index_}; }
    Iterator& operator++();
    bool operator!=(const Iterator& other) const { return index_ != other.index_; }

   private:
    const Document* document_;
    std::uint32_t index_;
    std::uint32_t end_;
  };
  struct Range {
    Iterator first, last;
    [[nodiscard]] Iterator begin() const { return first; }
    [[nodiscard]] Iterator end() const { return last; }
  };
  // All child nodes, text included, in order.
  [[nodiscard]] Range children() const noexcept;

 private:
  const Document* document_ = nullptr;
  std::uint32_t index_ = 0;
};

class Document : public RefCounted<Document> {
 public:
  // Copies the parts into one block.
  static DocumentPtr create(const NodeRecord* nodes, std::uint32_t node_count, const AttributeRecord* attributes,
                            std::uint32_t attribute_count, std::string_view arena, std::string_view raw,
                            bool raw_is_portable);
  static void destroy(const Document* document);

  [[nodiscard]] Element root() const noexcept { return {this, 0}; }
  [[nodiscard]] std::string_view raw() const noexcept { return {raw_, raw_size_}; }
  // True if each element's bytes mean the same wherever the default namespace is the parent's: no prefixes (but
  // xml:), no CDATA. Otherwise the tree must be written anew (writer.hpp).
  [[nodiscard]] bool raw_is_portable() const noexcept { return raw_is_portable_; }
  [[nodiscard]] std::size_t memory() const noexcept { return block_size_; }

  [[nodiscard]] const NodeRecord& node(std::uint32_t index) const noexcept { return nodes_[index]; }
  [[nodiscard]] const AttributeRecord& attribute(std::uint32_t index) const noexcept { return attributes_[index]; }
  [[nodiscard]] std::string_view view(Span span) const noexcept { return {arena_ + span.offset, span.length}; }

 private:
  Document() = default;
  const NodeRecord* nodes_ = nullptr;
  const AttributeRecord* attributes_ = nullptr;
  const char* arena_ = nullptr;
  const char* raw_ = nullptr;
  std::uint32_t raw_size_ = 0;
  std::uint32_t block_size_ = 0;
  bool raw_is_portable_ = false;
};

// In the hot path: every check of every stanza walks with these.

inline bool Element::is_text() const noexcept {
  return document_ != nullptr && document_->node(index_).attribute_count == NodeRecord::text_marker;
}

inline std::string_view Element::name() const noexcept {
  return document_ == nullptr || is_text() ? std::string_view{} : document_->view(document_->node(index_).name);
}

inline std::string_view Element::ns() const noexcept {
  return document_ == nullptr || is_text() ? std::string_view{} : document_->view(document_->node(index_).ns);
}

inline bool Element::is(std::string_view wanted_name, std::string_view wanted_ns) const noexcept {
  if (document_ == nullptr) return false;
  const auto& node = document_->node(index_);
  return node.attribute_count != NodeRecord::text_marker && document_->view(node.name) == wanted_name &&
         document_->view(node.ns) == wanted_ns;
}

inline std::uint32_t Element::attribute_count() const noexcept {
  return document_ == nullptr || is_text() ? 0 : document_->node(index_).attribute_count;
}

inline const AttributeRecord* Element::attributes_begin() const noexcept {
  return attribute_count() == 0 ? nullptr : &document_->attribute(document_->node(index_).first_attribute);
}

inline Element::Range Element::children() const noexcept {
  if (document_ == nullptr || is_text()) return {{nullptr, 0, 0}, {nullptr, 0, 0}};
  const auto end = document_->node(index_).end;
  return {{document_, index_ + 1, end}, {document_, end, end}};
}

inline Element::Iterator& Element::Iterator::operator++() {
  index_ = document_->node(index_).end;
  return *this;
}

// Parses one whole element, e.g. out of the store; for text that this server wrote or validated before. Nothing if it
// is not well-formed. The default namespace outside it is `default_ns`.
[[nodiscard]] DocumentPtr parse_element(std::string_view text, std::string_view default_ns = "jabber:client");

}  // namespace valise::xml
