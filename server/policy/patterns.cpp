#include "policy/patterns.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>

namespace valise::policy {

// ---- Glob

Glob::Glob(std::string_view text) {
  for (std::size_t at = 0;;) {
    const auto star = text.find('*', at);
    parts_.emplace_back(text.substr(at, star == std::string_view::npos ? star : star - at));
    if (star == std::string_view::npos) break;
    at = star + 1;
  }
}

bool Glob::matches(std::string_view text) const {
  // memmem is linear but slow to start; the simple search is fast where it cannot become quadratic.
  const auto find = [](std::string_view in, std::string_view part) -> std::size_t {
    if (in.size() * part.size() <= 4096) return in.find(part);
    const auto* hit = static_cast<const char*>(memmem(in.data(), in.size(), part.data(), part.size()));
    return hit == nullptr ? std::string_view::npos : static_cast<std::size_t>(hit - in.data());
  };
  if (text.size() < first().size() + last().size() || !text.starts_with(first()) || !text.ends_with(last())) {
    return false;
  }
  text = text.substr(first().size(), text.size() - first().size() - last().size());
  for (std::size_t i = 1; i + 1 < parts_.size(); ++i) {
    const auto& part = parts_[i];
    if (part.empty()) continue;
    const auto at = find(text, part);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + part.size());
  }
  return true;
}

// ---- Trie

Trie::Trie(Entries entries) {
  if (entries.empty()) return;
  std::ranges::sort(entries);
  nodes_.emplace_back();
  build(entries, 0, entries.size(), 0, 0);
}

void Trie::build(const Entries& entries, std::size_t from, std::size_t until, std::size_t depth, std::uint32_t at) {
  nodes_[at].first_number = static_cast<std::uint32_t>(numbers_.size());
  for (; from < until && entries[from].first.size() == depth; ++from) numbers_.push_back(entries[from].second);
  nodes_[at].numbers = static_cast<std::uint32_t>(numbers_.size()) - nodes_[at].first_number;
  crowd_ = std::max<std::size_t>(crowd_, nodes_[at].numbers);
  const auto byte_at = [&](std::size_t i) { return static_cast<unsigned char>(entries[i].first[depth]); };
  const auto first_edge = static_cast<std::uint32_t>(edges_.size());
  std::vector<std::size_t> begins;
  for (std::size_t i = from; i < until; ++i) {
    if (i != from && byte_at(i) == byte_at(i - 1)) continue;
    begins.push_back(i);
    edges_.push_back({byte_at(i), static_cast<std::uint32_t>(nodes_.size())});
    nodes_.emplace_back();
  }
  nodes_[at].first_edge = first_edge;
  nodes_[at].edges = static_cast<std::uint32_t>(begins.size());
  for (std::size_t i = 0; i < begins.size(); ++i) {
    build(entries, begins[i], i + 1 < begins.size() ? begins[i + 1] : until, depth + 1, edges_[first_edge + i].node);
  }
}

const Trie::Node* Trie::child(const Node& node, unsigned char byte) const noexcept {
  const auto* const begin = edges_.data() + node.first_edge;
  const auto* const end = begin + node.edges;
  const auto* const found =
      std::lower_bound(begin, end, byte, [](const Edge& e, unsigned char b) { return e.byte < b; });
  return found == end || found->byte != byte ? nullptr : &nodes_[found->node];
}

// ---- PatternSet

// By the end that fewer have; of two that are as rare, the longer one.
Trie PatternSet::by_end(const std::vector<std::string_view>& patterns, bool forward) {
  std::unordered_map<std::string_view, std::uint32_t> firsts, lasts;
  for (const auto pattern : patterns) {
    ++firsts[pattern.substr(0, pattern.find('*'))];
    ++lasts[pattern.substr(pattern.rfind('*') + 1)];
  }
  Trie::Entries entries;
  for (std::uint32_t i = 0; i < patterns.size(); ++i) {
    const auto first = patterns[i].substr(0, patterns[i].find('*'));
    const auto last = patterns[i].substr(patterns[i].rfind('*') + 1);
    const auto as_first = firsts[first], as_last = lasts[last];
    if ((as_first == as_last ? first.size() >= last.size() : as_first < as_last) != forward) continue;
    entries.emplace_back(forward ? std::string(first) : std::string(last.rbegin(), last.rend()), i);
  }
  return Trie(std::move(entries));
}

PatternSet::PatternSet(const std::vector<std::string_view>& patterns)
    : globs_(patterns.begin(), patterns.end()), forward_(by_end(patterns, true)), backward_(by_end(patterns, false)) {}

bool PatternSet::matches(std::string_view text) const {
  if (globs_.empty()) return false;
  const auto fits = [&](std::uint32_t number) { return globs_[number].matches(text); };
  std::size_t at = 0;
  const auto from_front = [&] { return at < text.size() ? static_cast<unsigned char>(text[at++]) : -1; };
  if (forward_.walk(from_front, fits)) return true;
  at = text.size();
  const auto from_back = [&] { return at > 0 ? static_cast<unsigned char>(text[--at]) : -1; };
  return backward_.walk(from_back, fits);
}

// ---- TextSet, Names

void TextSet::fill(const std::vector<std::string_view>& texts) {
  texts_ = &texts;
  slots_.assign(std::bit_ceil(texts.size() * 2), {});
  for (std::uint32_t i = 0; i < texts.size(); ++i) {
    const auto hash = Hashed(texts[i]).hash;
    std::size_t at = place(hash);
    while (slots_[at].text != 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {static_cast<std::uint32_t>(hash >> 32), i + 1};
  }
}

bool TextSet::contains(const Hashed& wanted) const noexcept {
  const auto high = static_cast<std::uint32_t>(wanted.hash >> 32);
  for (std::size_t at = place(wanted.hash); slots_[at].text != 0; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].hash == high && (*texts_)[slots_[at].text - 1] == wanted.text) return true;
  }
  return false;
}

std::vector<std::string_view> Names::pick(const std::vector<std::string>& texts, bool patterns) {
  std::vector<std::string_view> out;
  for (const auto& text : texts) {
    if (has_star(text) == patterns) out.push_back(text);
  }
  // A pattern that is there twice would be compared twice.
  if (patterns) {
    std::ranges::sort(out);
    const auto twice = std::ranges::unique(out);
    out.erase(twice.begin(), twice.end());
  }
  return out;
}

Names::Names(std::vector<std::string> all)
    : texts_(std::move(all)), exact_(pick(texts_, false)), patterns_(pick(texts_, true)) {
  if (exact_.size() > few) set_.fill(exact_);
}

bool Names::contains(std::string_view text, std::optional<Hashed>& hashed) const {
  if (set_.empty()) {
    if (std::ranges::find(exact_, text) != exact_.end()) return true;
  } else {
    if (!hashed) hashed.emplace(text);
    if (set_.contains(*hashed)) return true;
  }
  return patterns_.matches(text);
}

}  // namespace valise::policy
