#include "xml/document.hpp"

#include <cstring>
#include <new>

namespace valise::xml {
namespace {
bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
}  // namespace

DocumentPtr Document::create(const NodeRecord* nodes, std::uint32_t node_count, const AttributeRecord* attributes,
                             std::uint32_t attribute_count, std::string_view arena, std::string_view raw,
                             bool raw_is_portable) {
  const std::size_t nodes_size = node_count * sizeof(NodeRecord);
  const std::size_t attributes_size = attribute_count * sizeof(AttributeRecord);
  const std::size_t size = sizeof(Document) + nodes_size + attributes_size + arena.size() + raw.size();
  auto* block = static_cast<char*>(::operator new(size));
  auto* document = new (block) Document;
  char* at = block + sizeof(Document);
  const auto place = [&at](const void* from, std::size_t count) {
    char* here = at;
    if (count != 0) std::memcpy(here, from, count);
    at += count;
    return here;
  };
  static_assert(alignof(NodeRecord) <= alignof(Document) && alignof(AttributeRecord) <= alignof(NodeRecord));
  document->nodes_ = reinterpret_cast<const NodeRecord*>(place(nodes, nodes_size));
  document->attributes_ = reinterpret_cast<const AttributeRecord*>(place(attributes, attributes_size));
  document->arena_ = place(arena.data(), arena.size());
  document->raw_ = place(raw.data(), raw.size());
  document->raw_size_ = static_cast<std::uint32_t>(raw.size());
  document->block_size_ = static_cast<std::uint32_t>(size);
  document->raw_is_portable_ = raw_is_portable;
  return DocumentPtr(document);
}

void Document::destroy(const Document* document) {
  document->~Document();
  ::operator delete(const_cast<Document*>(document));
}

std::optional<std::string_view> Element::attribute(std::string_view wanted) const noexcept {
  const auto* record = attributes_begin();
  for (std::uint32_t i = 0; i < attribute_count(); ++i, ++record) {
    if (record->ns.length == 0 && document_->view(record->name) == wanted) return document_->view(record->value);
  }
  return std::nullopt;
}

std::string_view Element::attribute_or_empty(std::string_view wanted) const noexcept {
  return attribute(wanted).value_or(std::string_view{});
}

std::string Element::text() const {
  std::string out;
  if (document_ == nullptr) return out;
  if (is_text()) return std::string(document_->view(document_->node(index_).name));
  for (const auto child : children()) {
    if (child.is_text()) out += document_->view(document_->node(child.index()).name);
  }
  return out;
}

std::optional<std::string_view> Element::single_text() const noexcept {
  if (document_ == nullptr) return std::string_view{};
  std::optional<std::string_view> found;
  for (const auto child : children()) {
    if (!child.is_text()) return std::nullopt;
    if (found) return std::nullopt;
    found = document_->view(document_->node(child.index()).name);
  }
  return found.value_or(std::string_view{});
}

bool Element::has_visible_text() const noexcept {
  for (const auto child : children()) {
    if (!child.is_text()) continue;
    for (const char c : document_->view(document_->node(child.index()).name)) {
      if (!is_space(c)) return true;
    }
  }
  return false;
}

Element Element::child(std::string_view wanted_name, std::string_view wanted_ns) const noexcept {
  for (const auto child : children()) {
    if (child.is(wanted_name, wanted_ns)) return child;
  }
  return {};
}

Element Element::first_element() const noexcept {
  for (const auto child : children()) {
    if (!child.is_text()) return child;
  }
  return {};
}

std::string_view Element::raw() const noexcept {
  if (document_ == nullptr) return {};
  const auto& node = document_->node(index_);
  return document_->raw().substr(node.raw_begin, node.raw_end - node.raw_begin);
}

bool Element::declares_ns() const noexcept { return document_ != nullptr && document_->node(index_).declares_ns; }

}  // namespace valise::xml
