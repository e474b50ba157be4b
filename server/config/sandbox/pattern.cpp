#include "config/sandbox/pattern.hpp"

#include <optional>

namespace valise::config {
namespace {

bool is_alpha(unsigned char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }
bool is_graph(unsigned char c) { return c > 0x20 && c < 0x7f; }

// The class behind `%letter`; nullopt: not a class, the letter stands for itself.
std::optional<bool> in_class(unsigned char c, char letter) {
  switch (letter) {
    case 'a':
      return is_alpha(c);
    case 'c':
      return c < 0x20 || c == 0x7f;
    case 'd':
      return is_digit(c);
    case 'g':
      return is_graph(c);
    case 'l':
      return c >= 'a' && c <= 'z';
    case 'p':
      return is_graph(c) && !is_alpha(c) && !is_digit(c);
    case 's':
      return c == ' ' || (c >= '\t' && c <= '\r');
    case 'u':
      return c >= 'A' && c <= 'Z';
    case 'w':
      return is_alpha(c) || is_digit(c);
    case 'x':
      return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    default:
      return std::nullopt;
  }
}

void add_class(std::bitset<256>& set, char letter) {
  const bool upper = letter >= 'A' && letter <= 'Z';
  const char lower = upper ? static_cast<char>(letter + 32) : letter;
  if (!in_class(0, lower)) {
    set.set(static_cast<unsigned char>(letter));
    return;
  }
  for (unsigned c = 0; c < 256; ++c) {
    if (*in_class(static_cast<unsigned char>(c), lower) != upper) set.set(c);
  }
}

}  // namespace

class Pattern::Compiler {
 public:
  Compiler(std::string_view text, Pattern& out) : text_(text), out_(out) {}

  Result<> run() {
    if (!text_.empty() && text_[0] == '^') out_.anchored_ = true, ++at_;
    while (at_ < text_.size()) {
      if (out_.items_.size() == max_items) return fail(ErrorCode::limit, "pattern too long");
      if (auto done = item(); !done) return done;
    }
    if (!open_.empty()) return bad("unfinished capture");
    return {};
  }

 private:
  static Result<> bad(const char* what) { return fail(ErrorCode::invalid, what); }
  void push(Item item) { out_.items_.push_back(item); }
  std::uint16_t keep(const Set& set) {
    out_.sets_.push_back(set);
    return static_cast<std::uint16_t>(out_.sets_.size() - 1);
  }

  Result<> item() {
    const char c = text_[at_];
    if (c == '(') return open();
    if (c == ')') return close();
    if (c == '$' && at_ + 1 == text_.size()) {
      ++at_;
      push({.kind = Kind::subject_end});
      return {};
    }
    if (c == '%' && at_ + 1 < text_.size()) {
      const char next = text_[at_ + 1];
      if (next == 'b') return balance();
      if (next == 'f') return frontier();
      if (next >= '0' && next <= '9') return back_reference(next);
    }
    Set set;
    if (auto done = single(set); !done) return done;
    Item item{.kind = Kind::single};
    item.set = keep(set);
    if (at_ < text_.size()) {
      switch (text_[at_]) {
        case '*':
          item.repeat = Repeat::any, ++at_;
          break;
        case '+':
          item.repeat = Repeat::some, ++at_;
          break;
        case '-':
          item.repeat = Repeat::lazy, ++at_;
          break;
        case '?':
          item.repeat = Repeat::maybe, ++at_;
          break;
        default:
          break;
      }
    }
    push(item);
    return {};
  }

  Result<> open() {
    if (captures_ == PatternMatch{}.captures.size()) return bad("too many captures");
    ++at_;
    if (at_ < text_.size() && text_[at_] == ')') {
      ++at_;
      ++captures_;
      push({.kind = Kind::open_position});
      return {};
    }
    open_.push_back(static_cast<unsigned char>(captures_++));
    push({.kind = Kind::open});
    return {};
  }

  Result<> close() {
    if (open_.empty()) return bad("invalid pattern capture");
    ++at_;
    push({.kind = Kind::close, .first = open_.back()});
    open_.pop_back();
    return {};
  }

  Result<> balance() {
    if (at_ + 3 >= text_.size()) return bad("malformed pattern (missing arguments to '%b')");
    push({.kind = Kind::balance,
          .first = static_cast<unsigned char>(text_[at_ + 2]),
          .second = static_cast<unsigned char>(text_[at_ + 3])});
    at_ += 4;
    return {};
  }

  Result<> frontier() {
    at_ += 2;
    if (at_ >= text_.size() || text_[at_] != '[') return bad("missing '[' after '%f' in pattern");
    Set set;
    if (auto done = bracket(set); !done) return done;
    push({.kind = Kind::frontier, .set = keep(set)});
    return {};
  }

  Result<> back_reference(char digit) {
    const unsigned number = static_cast<unsigned>(digit - '1');  // '0' wraps: no such capture
    if (number >= captures_) return bad("invalid capture index in pattern");
    for (const unsigned char still_open : open_) {
      if (still_open == number) return bad("invalid capture index in pattern");
    }
    push({.kind = Kind::back_reference, .first = static_cast<unsigned char>(number)});
    at_ += 2;
    return {};
  }

  Result<> single(Set& set) {
    const char c = text_[at_];
    if (c == '[') return bracket(set);
    ++at_;
    if (c == '.') {
      set.set();
    } else if (c == '%') {
      if (at_ == text_.size()) return bad("malformed pattern (ends with '%')");
      add_class(set, text_[at_++]);
    } else {
      set.set(static_cast<unsigned char>(c));
    }
    return {};
  }

  Result<> bracket(Set& set) {
    ++at_;  // '['
    const bool negated = at_ < text_.size() && text_[at_] == '^';
    if (negated) ++at_;
    bool first = true;
    for (;; first = false) {
      if (at_ >= text_.size()) return bad("malformed pattern (missing ']')");
      const char c = text_[at_];
      if (c == ']' && !first) break;
      if (c == '%') {
        if (at_ + 1 >= text_.size()) return bad("malformed pattern (missing ']')");
        add_class(set, text_[at_ + 1]);
        at_ += 2;
      } else if (at_ + 2 < text_.size() && text_[at_ + 1] == '-' && text_[at_ + 2] != ']') {
        const auto low = static_cast<unsigned char>(c);
        const auto high = static_cast<unsigned char>(text_[at_ + 2]);
        for (unsigned value = low; value <= high; ++value) set.set(value);
        at_ += 3;
      } else {
        set.set(static_cast<unsigned char>(c));
        ++at_;
      }
    }
    ++at_;  // ']'
    if (negated) set.flip();
    return {};
  }

  std::string_view text_;
  Pattern& out_;
  std::size_t at_ = 0;
  std::size_t captures_ = 0;
  std::vector<unsigned char> open_;
};

Result<Pattern> Pattern::compile(std::string_view text) {
  Pattern pattern;
  if (auto done = Compiler(text, pattern).run(); !done) return std::unexpected(done.error());
  return pattern;
}

// Backtracking with a frame only where something may have to be undone: the depth is at most the number of items.
struct Pattern::Run {
  const Pattern& pattern;
  std::string_view subject;
  std::uint64_t& steps;
  PatternMatch& out;

  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  void step(std::uint64_t count = 1) {
    if (steps < count) {
      steps = 0;
      throw OutOfSteps{};
    }
    steps -= count;
  }
  bool in_set(const Item& item, std::size_t at) const {
    return at < subject.size() && pattern.sets_[item.set][static_cast<unsigned char>(subject[at])];
  }

  // The end of a match of items[item …] at `at`, or none.
  std::size_t from(std::size_t item_at, std::size_t at) {
    for (;;) {
      step();
      if (item_at == pattern.items_.size()) return at;
      const Item& item = pattern.items_[item_at];
      switch (item.kind) {
        case Kind::single: {
          if (item.repeat == Repeat::once) {
            if (!in_set(item, at)) return none;
            ++at;
            break;
          }
          return repeated(item, item_at, at);
        }
        case Kind::open:
          return captured(item_at, at, PatternCapture::open);
        case Kind::open_position:
          return captured(item_at, at, PatternCapture::position);
        case Kind::close: {
          auto& capture = out.captures[item.first];
          capture.length = at - capture.begin;
          const auto end = from(item_at + 1, at);
          if (end == none) capture.length = PatternCapture::open;
          return end;
        }
        case Kind::balance: {
          at = balanced(item, at);
          if (at == none) return none;
          break;
        }
        case Kind::frontier: {
          const auto& set = pattern.sets_[item.set];
          const auto previous = at == 0 ? '\0' : subject[at - 1];
          const auto current = at < subject.size() ? subject[at] : '\0';
          if (set[static_cast<unsigned char>(previous)] || !set[static_cast<unsigned char>(current)]) return none;
          break;
        }
        case Kind::back_reference: {
          const auto& capture = out.captures[item.first];
          const auto length = capture.length == PatternCapture::position ? 0 : capture.length;
          step(length / 16);
          if (subject.size() - at < length || subject.substr(at, length) != subject.substr(capture.begin, length)) {
            return none;
          }
          at += length;
          break;
        }
        case Kind::subject_end:
          if (at != subject.size()) return none;
          break;
      }
      ++item_at;
    }
  }

  std::size_t captured(std::size_t item_at, std::size_t at, std::size_t length) {
    out.captures[out.capture_count++] = {at, length};
    const auto end = from(item_at + 1, at);
    if (end == none) --out.capture_count;
    return end;
  }

  std::size_t repeated(const Item& item, std::size_t item_at, std::size_t at) {
    if (item.repeat == Repeat::lazy) {
      for (;; ++at) {
        const auto end = from(item_at + 1, at);
        if (end != none || !in_set(item, at)) return end;
        step();
      }
    }
    const std::size_t most = item.repeat == Repeat::maybe ? 1 : subject.size() - at;
    std::size_t count = 0;
    while (count < most && in_set(item, at + count)) step(), ++count;
    const std::size_t least = item.repeat == Repeat::some ? 1 : 0;
    for (; count + 1 > least; --count) {
      const auto end = from(item_at + 1, at + count);
      if (end != none) return end;
      if (count == 0) break;
    }
    return none;
  }

  std::size_t balanced(const Item& item, std::size_t at) {
    if (at >= subject.size() || static_cast<unsigned char>(subject[at]) != item.first) return none;
    std::size_t depth = 1;
    for (std::size_t i = at + 1; i < subject.size(); ++i) {
      step();
      const auto c = static_cast<unsigned char>(subject[i]);
      if (c == item.second) {
        if (--depth == 0) return i + 1;
      } else if (c == item.first) {
        ++depth;
      }
    }
    return none;
  }
};

bool Pattern::match(std::string_view subject, std::size_t from, std::uint64_t& steps, PatternMatch& out) const {
  Run run{*this, subject, steps, out};
  for (std::size_t at = from; at <= subject.size(); ++at) {
    out.capture_count = 0;
    const auto end = run.from(0, at);
    if (end != Run::none) {
      out.begin = at;
      out.end = end;
      return true;
    }
    if (anchored_) break;
  }
  return false;
}

}  // namespace valise::config
