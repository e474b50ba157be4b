#include "policy/matcher.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "policy/fact_names.hpp"
#include "policy/patterns.hpp"

namespace valise::policy {
namespace {

std::uint32_t sum_of_weights(const std::vector<const Matcher*>& parts) {
  std::uint64_t sum = 1;
  for (const auto* part : parts) sum += part->weight();
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, Matcher::max_weight + 1));
}

std::uint32_t depth_above(const std::vector<const Matcher*>& parts) {
  std::uint32_t depth = 0;
  for (const auto* part : parts) depth = std::max(depth, part->depth());
  return depth + 1;
}

std::string joined(const std::vector<const Matcher*>& parts, char operation) {
  std::string out;
  for (const auto* part : parts) {
    if (!out.empty()) out += fmt::format(" {} ", operation);
    const bool other = part->operation() != 0 && part->operation() != operation;
    out += other ? "(" + part->describe() + ")" : part->describe();
  }
  return out;
}

class All final : public Matcher {
 public:
  explicit All(std::vector<const Matcher*> parts)
      : Matcher(sum_of_weights(parts), depth_above(parts)),
        parts_(std::move(parts)),
        pure_(std::ranges::all_of(parts_, &Matcher::pure)) {
    for (const auto* part : parts_) {
      // Where the first impure part is reached, it must see the event: what stands behind it cannot narrow.
      events_ &= part->events();
      if (!part->pure()) break;
    }
  }
  bool matches(Context& context) const override {
    for (const auto* part : parts_) {
      if (!part->matches(context)) return false;
    }
    return true;
  }
  std::string describe() const override { return joined(parts_, '*'); }
  EventMask events() const override { return events_; }
  bool pure() const override { return pure_; }
  char operation() const override { return '*'; }
  Shape shape() const override { return Shape::all; }
  std::span<const Matcher* const> parts() const override { return parts_; }

 private:
  std::vector<const Matcher*> parts_;
  EventMask events_ = all_events;
  bool pure_;
};

class Any final : public Matcher {
 public:
  explicit Any(std::vector<const Matcher*> parts)
      : Matcher(sum_of_weights(parts), depth_above(parts)),
        parts_(std::move(parts)),
        pure_(std::ranges::all_of(parts_, &Matcher::pure)) {
    for (const auto* part : parts_) events_ |= part->events();
  }
  bool matches(Context& context) const override {
    for (const auto* part : parts_) {
      if (part->matches(context)) return true;
    }
    return false;
  }
  std::string describe() const override { return joined(parts_, '+'); }
  EventMask events() const override { return pure_ ? events_ : all_events; }
  bool pure() const override { return pure_; }
  char operation() const override { return '+'; }
  Shape shape() const override { return Shape::any; }
  std::span<const Matcher* const> parts() const override { return parts_; }

 private:
  std::vector<const Matcher*> parts_;
  EventMask events_ = 0;
  bool pure_;
};

class Not final : public Matcher {
 public:
  explicit Not(const Matcher* part)
      : Matcher(std::min(part->weight() + 1, max_weight + 1), part->depth() + 1), part_(part) {}
  bool matches(Context& context) const override { return !part_->matches(context); }
  std::string describe() const override {
    return part_->operation() != 0 ? "-(" + part_->describe() + ")" : "-" + part_->describe();
  }
  bool pure() const override { return part_->pure(); }
  Shape shape() const override { return Shape::negation; }
  std::span<const Matcher* const> parts() const override { return {&part_, 1}; }

 private:
  const Matcher* part_;
};

class Always final : public Matcher {
 public:
  bool matches(Context&) const override { return true; }
  std::string describe() const override { return "Always()"; }
  Shape shape() const override { return Shape::always; }
};

class Kind final : public Matcher {
 public:
  explicit Kind(std::vector<Event> events) {
    for (const auto event : events) {
      std::string name(event_names[static_cast<std::size_t>(event)]);
      if (std::ranges::find(names_, name) != names_.end()) continue;
      names_.push_back(std::move(name));
      for (std::size_t i = 0; i < event_count; ++i) {
        const auto one = static_cast<Event>(i);
        if (one == event || wider_event(one) == event) mask_ |= mask_of(one);
      }
    }
  }
  bool is_told_by_events() const override { return true; }
  bool matches(Context& context) const override { return (mask_ & mask_of(context.event)) != 0; }
  std::string describe() const override {
    return names_.size() == 1 ? fmt::format("Kind(\"{}\")", names_[0]) : "Kind" + describe_list(names_);
  }
  EventMask events() const override { return mask_; }
  std::string_view fact() const override { return "kind"; }
  // Those that it names, and the narrower ones.
  std::optional<Values> values() const override {
    Texts out;
    for (std::size_t i = 0; i < event_count; ++i) {
      if ((mask_ & mask_of(static_cast<Event>(i))) != 0) out.any_of.emplace_back(event_names[i]);
    }
    return out;
  }

 private:
  EventMask mask_ = 0;
  std::vector<std::string> names_;
};

class IsDirection final : public Matcher {
 public:
  explicit IsDirection(Direction direction) : direction_(direction) {}
  bool is_told_by_events() const override { return true; }
  bool matches(Context& context) const override { return context.facts.direction == direction_; }
  std::string describe() const override {
    return fmt::format("Direction(\"{}\")", direction_names[static_cast<std::size_t>(direction_)]);
  }
  EventMask events() const override { return mask_of(direction_); }
  std::string_view fact() const override { return "direction"; }
  std::optional<Values> values() const override {
    return Texts{{std::string(direction_names[static_cast<std::size_t>(direction_)])}};
  }

 private:
  Direction direction_;
};

class Flag final : public Matcher {
 public:
  Flag(std::string described, bool (*field)(const Facts&), FlagFact fact)
      : described_(std::move(described)), field_(field), fact_(std::move(fact)) {}
  bool matches(Context& context) const override { return field_(context.facts); }
  std::string describe() const override { return described_; }
  std::string_view fact() const override { return fact_.name; }
  std::optional<Values> values() const override { return Texts{fact_.values}; }
  std::vector<std::string_view> needs() const override { return fact_.needs.empty() ? Matcher::needs() : fact_.needs; }

 private:
  std::string described_;
  bool (*field_)(const Facts&);
  FlagFact fact_;
};

class IsOmemo final : public Matcher {
 public:
  explicit IsOmemo(Omemo version) : version_(version) {}
  bool matches(Context& context) const override { return context.facts.omemo == version_; }
  std::string describe() const override {
    return fmt::format("OmemoVersion(\"{}\")", omemo_names[static_cast<std::size_t>(version_)]);
  }
  std::string_view fact() const override { return "omemo"; }
  std::optional<Values> values() const override {
    return Texts{{std::string(omemo_names[static_cast<std::size_t>(version_)])}};
  }

 private:
  Omemo version_;
};

class Text final : public Matcher {
 public:
  Text(std::string_view name, std::string_view (*field)(const Facts&), std::vector<std::string> values)
      : name_(name), field_(field), values_(std::move(values)) {
    if (values_.size() > few) set_.insert(values_.begin(), values_.end());
  }
  bool matches(Context& context) const override {
    const auto value = field_(context.facts);
    if (values_.size() > few) return set_.find(value) != set_.end();
    return std::ranges::find(values_, value) != values_.end();
  }
  std::string describe() const override {
    return values_.size() == 1 ? fmt::format("{}(\"{}\")", name_, values_[0]) : name_ + describe_list(values_);
  }
  std::string_view fact() const override { return fact_of_builder(name_); }
  std::optional<Values> values() const override { return Texts{values_}; }

 private:
  static constexpr std::size_t few = 4;
  std::string name_;
  std::string_view (*field_)(const Facts&);
  std::vector<std::string> values_;
  std::unordered_set<std::string_view> set_;
};

class Pattern final : public Matcher {
 public:
  Pattern(std::string_view name, std::string_view (*field)(const Facts&), std::vector<std::string> values)
      : name_(name), field_(field), values_(std::move(values)) {}
  bool matches(Context& context) const override {
    std::optional<Hashed> hashed;
    return values_.contains(field_(context.facts), hashed);
  }
  std::string describe() const override { return name_ + describe_list(values_.texts()); }
  std::string_view fact() const override { return fact_of_builder(name_); }
  std::optional<Values> values() const override {
    if (std::ranges::any_of(values_.texts(), has_star)) return std::nullopt;
    return Texts{values_.texts()};
  }

 private:
  std::string name_;
  std::string_view (*field_)(const Facts&);
  Names values_;
};

class Number final : public Matcher {
 public:
  Number(std::string_view name, NumberField field, Comparison comparison, std::uint64_t bound)
      : name_(name), field_(field), comparison_(comparison), bound_(bound) {}
  bool matches(Context& context) const override {
    const auto value = field_(context.facts);
    return value && compare(*value, comparison_, bound_);
  }
  std::string describe() const override {
    return fmt::format("{}(\"{}\", {})", name_, comparison_names[static_cast<std::size_t>(comparison_)], bound_);
  }
  std::string_view fact() const override { return fact_of_builder(name_); }
  std::optional<Values> values() const override {
    constexpr Point most = std::numeric_limits<std::uint64_t>::max();
    switch (comparison_) {
      case Comparison::less:
        return bound_ == 0 ? Ranges{} : Ranges{{{0, bound_ - 1}}};
      case Comparison::at_most:
        return Ranges{{{0, bound_}}};
      case Comparison::equal:
        return Ranges{{{bound_, bound_}}};
      case Comparison::at_least:
        return Ranges{{{bound_, most}}};
      case Comparison::more:
        return Ranges{{{Point{bound_} + 1, most}}};
    }
    return std::nullopt;
  }

 private:
  std::string name_;
  NumberField field_;
  Comparison comparison_;
  std::uint64_t bound_;
};

class DeviceId final : public Matcher {
 public:
  explicit DeviceId(std::vector<std::uint32_t> ids) : ids_(std::move(ids)) { std::ranges::sort(ids_); }
  bool matches(Context& context) const override { return std::ranges::binary_search(ids_, context.facts.sid); }
  std::string describe() const override {
    std::string out = "DeviceId{";
    for (std::size_t i = 0; i < std::min<std::size_t>(ids_.size(), 4); ++i) {
      out += fmt::format("{}{}", i == 0 ? "" : ", ", ids_[i]);
    }
    if (ids_.size() > 4) out += fmt::format(", … {} more", ids_.size() - 4);
    return out + "}";
  }
  std::string_view fact() const override { return "sid"; }
  std::optional<Values> values() const override {
    Ranges out;
    for (const auto id : ids_) out.any_of.emplace_back(id, id);
    return out;
  }

 private:
  std::vector<std::uint32_t> ids_;
};

class Child final : public Matcher {
 public:
  Child(std::string name, std::string ns) : name_(std::move(name)), ns_(std::move(ns)) {}
  bool matches(Context& context) const override {
    return std::ranges::any_of(context.facts.children, [this](const ElementName& child) {
      return (name_.empty() || child.name == name_) && (ns_.empty() || child.ns == ns_);
    });
  }
  std::string describe() const override {
    const auto star = name_.empty() ? std::string_view("*") : std::string_view(name_);
    return ns_.empty() ? fmt::format("Child(\"{}\")", star) : fmt::format("Child(\"{}\", \"{}\")", star, ns_);
  }
  std::string_view fact() const override { return "children"; }
  // A stanza has many: what it asks for stands for all elements that it fits.
  std::optional<Values> values() const override { return Texts{{name_ + ' ' + ns_}}; }

 private:
  std::string name_;
  std::string ns_;
};

class RosterGroup final : public Matcher {
 public:
  explicit RosterGroup(std::vector<std::string> groups) : groups_(std::move(groups)) {}
  bool matches(Context& context) const override {
    return std::ranges::any_of(context.facts.roster_groups, [this](const std::string& group) {
      return std::ranges::find(groups_, group) != groups_.end();
    });
  }
  std::string describe() const override {
    return groups_.size() == 1 ? fmt::format("RosterGroup(\"{}\")", groups_[0])
                               : "RosterGroup" + describe_list(groups_);
  }
  std::string_view fact() const override { return "roster_groups"; }
  std::optional<Values> values() const override { return Texts{groups_}; }

 private:
  std::vector<std::string> groups_;
};

class HasTag final : public Matcher {
 public:
  explicit HasTag(std::vector<std::string> tags) : tags_(std::move(tags)) {}
  bool matches(Context& context) const override {
    const auto has = [this](std::string_view tag) { return std::ranges::find(tags_, tag) != tags_.end(); };
    return std::ranges::any_of(context.facts.tags, has) || std::ranges::any_of(context.decision.added_tags(), has);
  }
  std::string describe() const override {
    return tags_.size() == 1 ? fmt::format("HasTag(\"{}\")", tags_[0]) : "HasTag" + describe_list(tags_);
  }
  std::string_view fact() const override { return "tag"; }
  std::optional<Values> values() const override { return Texts{tags_}; }

 private:
  std::vector<std::string> tags_;
};

}  // namespace

std::string describe_list(const std::vector<std::string>& values) {
  constexpr std::size_t shown = 4;
  std::string out = "{";
  for (std::size_t i = 0; i < std::min(values.size(), shown); ++i) {
    out += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", values[i]);
  }
  if (values.size() > shown) out += fmt::format(", … {} more", values.size() - shown);
  return out + "}";
}

MatcherPtr make_all(std::vector<const Matcher*> parts) { return std::make_unique<All>(std::move(parts)); }
MatcherPtr make_any(std::vector<const Matcher*> parts) { return std::make_unique<Any>(std::move(parts)); }
MatcherPtr make_not(const Matcher* part) { return std::make_unique<Not>(part); }
MatcherPtr make_always() { return std::make_unique<Always>(); }
MatcherPtr make_kind(std::vector<Event> events) { return std::make_unique<Kind>(std::move(events)); }
MatcherPtr make_direction(Direction direction) { return std::make_unique<IsDirection>(direction); }
MatcherPtr make_flag(std::string described, bool (*field)(const Facts&), FlagFact fact) {
  return std::make_unique<Flag>(std::move(described), field, std::move(fact));
}
MatcherPtr make_pattern(std::string_view name, std::string_view (*field)(const Facts&),
                        std::vector<std::string> values) {
  return std::make_unique<Pattern>(name, field, std::move(values));
}
MatcherPtr make_device_id(std::vector<std::uint32_t> ids) { return std::make_unique<DeviceId>(std::move(ids)); }
MatcherPtr make_child(std::string name, std::string ns) {
  return std::make_unique<Child>(std::move(name), std::move(ns));
}
MatcherPtr make_roster_group(std::vector<std::string> groups) {
  return std::make_unique<RosterGroup>(std::move(groups));
}
MatcherPtr make_omemo(Omemo version) { return std::make_unique<IsOmemo>(version); }
MatcherPtr make_text(std::string_view name, std::string_view (*field)(const Facts&), std::vector<std::string> values) {
  return std::make_unique<Text>(name, field, std::move(values));
}
MatcherPtr make_number(std::string_view name, NumberField field, Comparison comparison, std::uint64_t bound) {
  return std::make_unique<Number>(name, field, comparison, bound);
}
MatcherPtr make_has_tag(std::vector<std::string> tags) { return std::make_unique<HasTag>(std::move(tags)); }

}  // namespace valise::policy
