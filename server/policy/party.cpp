// From{…} and To{…}: exact addresses by hash, patterns with `*` one by one.
#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "policy/matcher.hpp"

namespace valise::policy {
namespace {

// Characters with `*` for any run of them. Taking the first place for each part finds a match if there is one.
class Glob {
 public:
  explicit Glob(std::string_view text) {
    for (std::size_t at = 0;;) {
      const auto star = text.find('*', at);
      parts_.emplace_back(text.substr(at, star == std::string_view::npos ? star : star - at));
      if (star == std::string_view::npos) break;
      at = star + 1;
    }
  }
  [[nodiscard]] bool matches(std::string_view text) const {
    const auto& first = parts_.front();
    const auto& last = parts_.back();
    if (text.size() < first.size() + last.size() || !text.starts_with(first) || !text.ends_with(last)) return false;
    text = text.substr(first.size(), text.size() - first.size() - last.size());
    for (std::size_t i = 1; i + 1 < parts_.size(); ++i) {
      const auto& part = parts_[i];
      if (part.empty()) continue;
      const auto at = find(text, part);
      if (at == std::string_view::npos) return false;
      text.remove_prefix(at + part.size());
    }
    return true;
  }

 private:
  // memmem is linear but slow to start; the simple search is fast where it cannot become quadratic.
  static std::size_t find(std::string_view text, std::string_view part) {
    if (text.size() * part.size() <= 4096) return text.find(part);
    const auto* hit = static_cast<const char*>(memmem(text.data(), text.size(), part.data(), part.size()));
    return hit == nullptr ? std::string_view::npos : static_cast<std::size_t>(hit - text.data());
  }
  std::vector<std::string> parts_;  // between the stars; at least two
};

// A set whose "no" costs one cache line: open addressing over hashes alone; texts are looked at when a hash agrees.
class TextSet {
 public:
  void fill(const std::vector<std::string_view>& texts) {
    texts_ = &texts;
    slots_.assign(std::bit_ceil(texts.size() * 2), {});
    for (std::uint32_t i = 0; i < texts.size(); ++i) {
      std::size_t at = place(Hashed(texts[i]).hash);
      while (slots_[at].text != 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = {static_cast<std::uint32_t>(Hashed(texts[i]).hash >> 32), i + 1};
    }
  }
  [[nodiscard]] bool empty() const noexcept { return slots_.empty(); }
  [[nodiscard]] bool contains(const Hashed& wanted) const noexcept {
    const auto high = static_cast<std::uint32_t>(wanted.hash >> 32);
    for (std::size_t at = place(wanted.hash); slots_[at].text != 0; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].hash == high && (*texts_)[slots_[at].text - 1] == wanted.text) return true;
    }
    return false;
  }

 private:
  struct Slot {
    std::uint32_t hash = 0;  // upper half
    std::uint32_t text = 0;  // index + 1; 0: free
  };
  [[nodiscard]] std::size_t place(std::size_t hash) const noexcept { return hash & (slots_.size() - 1); }
  const std::vector<std::string_view>* texts_ = nullptr;
  std::vector<Slot> slots_;
};

// The strings that the views of the set look at are `texts`.
struct Names {
  static constexpr std::size_t few = 4;  // compared one by one
  std::vector<std::string> texts;
  std::vector<std::string_view> names;
  TextSet set;  // of names, when they are not few
  std::vector<Glob> globs;

  explicit Names(std::vector<std::string> all) : texts(std::move(all)) {
    for (const auto& text : texts) {
      if (text.find('*') == std::string::npos) {
        names.push_back(text);
      } else {
        globs.emplace_back(text);
      }
    }
    if (names.size() > few) set.fill(names);
  }
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;

  // `hashed` keeps the text's hash for whoever asks next.
  [[nodiscard]] bool contains(std::string_view text, std::optional<Hashed>& hashed) const {
    if (set.empty()) {
      if (std::ranges::find(names, text) != names.end()) return true;
    } else {
      if (!hashed) hashed.emplace(text);
      if (set.contains(*hashed)) return true;
    }
    return std::ranges::any_of(globs, [&](const Glob& glob) { return glob.matches(text); });
  }
  [[nodiscard]] bool empty() const { return texts.empty(); }
};

std::vector<std::string> pick(const std::vector<std::string>& jids, bool full) {
  std::vector<std::string> out;
  for (const auto& jid : jids) {
    if ((jid.find('/') != std::string::npos) == full) out.push_back(jid);
  }
  return out;
}

class IsParty final : public Matcher {
 public:
  IsParty(std::string_view name, Party Facts::* party, PartySet set)
      : Matcher(static_cast<std::uint32_t>(1 + std::ranges::count_if(set.jids, has_star) +
                                           std::ranges::count_if(set.domains, has_star))),
        name_(name),
        party_(party),
        hashes_(party == &Facts::from ? &Context::from : &Context::to),
        bare_(pick(set.jids, false)),
        full_(pick(set.jids, true)),
        domains_(std::move(set.domains)) {}

  bool matches(Context& context) const override {
    const Party& party = context.facts.*party_;
    auto& hashes = context.*hashes_;
    if (!domains_.empty() && domains_.contains(party.domain, hashes.domain)) return true;
    if (!bare_.empty() && bare_.contains(party.bare, hashes.bare)) return true;
    return !full_.empty() && full_contains(party);
  }
  std::string describe() const override {
    std::vector<std::string> jids = bare_.texts;
    jids.insert(jids.end(), full_.texts.begin(), full_.texts.end());
    if (domains_.empty()) return name_ + describe_list(jids);
    const auto domains =
        domains_.texts.size() == 1 ? fmt::format("\"{}\"", domains_.texts[0]) : describe_list(domains_.texts);
    auto list = describe_list(jids);
    list.pop_back();
    return fmt::format("{}{}{}domain={}}}", name_, list, jids.empty() ? "" : ", ", domains);
  }
  std::string_view fact() const override { return party_ == &Facts::from ? "from" : "to"; }
  std::optional<Values> values() const override { return Addresses{bare_.texts, full_.texts, domains_.texts}; }

 private:
  static bool has_star(const std::string& text) { return text.find('*') != std::string::npos; }
  bool full_contains(const Party& party) const {
    char buffer[3072];  // RFC 6122 §2.1: three parts of 1,023 bytes at most
    if (party.resource.empty() || party.bare.size() + 1 + party.resource.size() > sizeof buffer) return false;
    char* end = std::copy(party.bare.begin(), party.bare.end(), buffer);
    *end++ = '/';
    end = std::copy(party.resource.begin(), party.resource.end(), end);
    std::optional<Hashed> hashed;
    return full_.contains({buffer, static_cast<std::size_t>(end - buffer)}, hashed);
  }

  std::string name_;
  Party Facts::* party_;
  Context::PartyHashes Context::* hashes_;
  Names bare_;
  Names full_;
  Names domains_;
};

}  // namespace

MatcherPtr make_party(std::string_view name, Party Facts::* party, PartySet set) {
  return std::make_unique<IsParty>(name, party, std::move(set));
}

}  // namespace valise::policy
