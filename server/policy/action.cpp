#include "policy/action.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "policy/api.hpp"
#include "policy/opening.hpp"
#include "policy/state.hpp"

namespace valise::policy {
namespace {

class Allow final : public Action {
 public:
  Next run(Context& context) const override {
    context.decision.verdict = Verdict::allow;
    return Next::done;
  }
  std::string describe() const override { return "Allow()"; }
  bool ends() const override { return true; }
};

class Drop final : public Action {
 public:
  Next run(Context& context) const override {
    context.decision.verdict = Verdict::drop;
    return Next::done;
  }
  std::string describe() const override { return "Drop()"; }
  bool ends() const override { return true; }
};

class Deny final : public Action {
 public:
  explicit Deny(Refusal refusal) : refusal_(std::move(refusal)) {}
  Next run(Context& context) const override {
    auto& decision = context.decision;
    decision.verdict = Verdict::deny;
    decision.error = refusal_.error;
    decision.text_fr = refusal_.text_fr;
    decision.text_en = refusal_.text_en;
    decision.redirect = refusal_.redirect;
    return Next::done;
  }
  std::string describe() const override {
    if (!refusal_.redirect.empty()) return fmt::format("Redirect(\"{}\")", refusal_.redirect);
    return fmt::format("Deny{{\"{}\"}}", refusal_.error.condition);
  }
  bool ends() const override { return true; }

 private:
  Refusal refusal_;
};

class Tag final : public Action {
 public:
  explicit Tag(std::string tag) : tag_(std::move(tag)) {}
  Next run(Context& context) const override {
    // A tag that finds no room would let later rules decide on less than they were written for.
    if (!context.decision.add_tag(tag_)) context.fail("more tags than a decision holds (8)");
    return Next::go_on;
  }
  std::string describe() const override { return fmt::format("Tag(\"{}\")", tag_); }

 private:
  std::string tag_;
};

class Log final : public Action {
 public:
  Next run(Context&) const override { return Next::go_on; }
  std::string describe() const override { return "Log()"; }
  bool logs() const override { return true; }
};

class Seal final : public Action {
 public:
  explicit Seal(std::string_view mode) : mode_(mode) {}
  Next run(Context& context) const override {
    if (context.facts.event != Event::unsealed) {  // a function's result; a rule's own action was looked at
      context.fail("Seal is for Kind(\"unsealed\")");
      return Next::done;
    }
    context.decision.verdict = Verdict::allow;
    context.decision.seal = mode_;
    return Next::done;
  }
  std::string describe() const override { return fmt::format("Seal(\"{}\")", mode_); }
  std::optional<Event> only() const override { return Event::unsealed; }
  bool ends() const override { return true; }

 private:
  std::string_view mode_;
};

class Jump final : public Action {
 public:
  explicit Jump(const JumpTo& to) : to_(to) {}
  Next run(Context& context) const override {
    context.jump = to_.chain;
    return Next::jump;
  }
  std::string describe() const override { return fmt::format("Jump(\"{}\")", to_.name); }
  const JumpTo* jump() const override { return &to_; }

 private:
  const JumpTo& to_;
};

class Return final : public Action {
 public:
  Next run(Context&) const override { return Next::leave; }
  std::string describe() const override { return "Return()"; }
  bool ends() const override { return true; }
};

class Record final : public Action {
 public:
  explicit Record(std::string word) : word_(std::move(word)) {}
  Next run(Context& context) const override {
    context.decision.record = word_;
    return Next::go_on;
  }
  std::string describe() const override { return fmt::format("Record(\"{}\")", word_); }

 private:
  std::string word_;
};

class Disconnect final : public Action {
 public:
  Next run(Context& context) const override {
    context.decision.disconnect = true;
    return Next::go_on;
  }
  std::string describe() const override { return "Disconnect()"; }
};

class Unsubscribe final : public Action {
 public:
  Next run(Context& context) const override {
    context.decision.unsubscribe = true;
    return Next::go_on;
  }
  EventMask events() const override { return at::stanzas & all_in; }
  std::string describe() const override { return "Unsubscribe()"; }
};

class Limit final : public Action {
 public:
  explicit Limit(const Pace& pace) : pace_(pace) {}
  Next run(Context& context) const override {
    for (const auto& one : pace_fields) {  // of several the strictest
      auto& in_force = context.decision.pace.*one.field;
      const auto wanted = pace_.*one.field;
      if (wanted != 0 && (in_force == 0 || wanted < in_force)) in_force = wanted;
    }
    return Next::go_on;
  }
  EventMask events() const override { return mask_of(Event::session); }
  std::string describe() const override {
    std::string out;
    for (const auto& one : pace_fields) {
      if (pace_.*one.field == 0) continue;
      out += fmt::format("{}{} = {}", out.empty() ? "Limit{" : ", ", one.name, pace_.*one.field);
    }
    return out + "}";
  }

 private:
  Pace pace_;
};

class Quiet final : public Action {
 public:
  Next run(Context& context) const override {
    context.decision.quiet = true;
    return Next::go_on;
  }
  EventMask events() const override { return mask_of(Event::message) & all_in; }
  std::string describe() const override { return "Quiet()"; }
};

class DelayFor final : public Action {
 public:
  explicit DelayFor(std::int64_t ms) : ms_(ms) {}
  Next run(Context& context) const override {
    auto& pause = context.decision.pause;
    pause.ms = std::max(pause.ms, ms_);
    return Next::go_on;
  }
  EventMask events() const override { return mask_of(Event::message); }
  std::string describe() const override { return fmt::format("Delay({})", ms_ / 1000); }

 private:
  std::int64_t ms_;
};

class DelayUntil final : public Action {
 public:
  explicit DelayUntil(const Matcher& open) : open_(open) {}
  Next run(Context& context) const override {
    const auto now = local_minute(context.facts);
    if (now < known_from_ || now >= known_until_) {
      const auto opens = next_minute(open_, now);
      if (!opens) {
        context.fail(fmt::format("{}: it does not come within {} days", describe(), most_days_ahead));
        return Next::done;
      }
      known_from_ = now;
      opens_ = *opens;
      known_until_ = std::max(opens_, now + 1);
    }
    auto& pause = context.decision.pause;
    if (opens_ > now) pause.until_minute = std::max(pause.until_minute, opens_);
    return Next::go_on;
  }
  EventMask events() const override { return mask_of(Event::message); }
  std::string describe() const override { return fmt::format("Delay({})", open_.describe()); }
  const Matcher* asks() const override { return &open_; }

 private:
  const Matcher& open_;
  // From this minute on, and before that one, it opens then. Home shard only.
  mutable std::int64_t known_from_ = 0, known_until_ = 0, opens_ = 0;
};

class KeepDays final : public Action {
 public:
  explicit KeepDays(std::uint32_t days) : days_(days) {}
  Next run(Context& context) const override {
    if (context.facts.event != Event::archive) {  // a function's result
      context.fail("Keep is for Kind(\"archive\")");
      return Next::done;
    }
    context.decision.keep_days = days_;
    return Next::go_on;
  }
  std::string describe() const override { return fmt::format("Keep{{days = {}}}", days_); }
  std::optional<Event> only() const override { return Event::archive; }

 private:
  std::uint32_t days_;
};

class RequireApproval final : public Action {
 public:
  Next run(Context& context) const override {
    context.decision.needs_approval = true;
    return Next::go_on;
  }
  EventMask events() const override { return at::publications; }
  std::string describe() const override { return "RequireApproval()"; }
};

class Strip final : public Action {
 public:
  explicit Strip(std::vector<StripName> names) : names_(std::move(names)) {}
  Next run(Context& context) const override {
    auto& decision = context.decision;
    if (decision.strip_count == decision.strips.size()) {
      context.fail("more than 4 Strip in one decision");
    } else {
      decision.strips[decision.strip_count++] = &names_;
    }
    return Next::go_on;
  }
  EventMask events() const override { return mask_of(Event::message) | at::presences; }
  std::string describe() const override {
    std::string out = "Strip{";
    for (const auto& [name, ns] : names_) {
      out += fmt::format("{}{{\"{}\"{}}}", out.size() == 6 ? "" : ", ", name,
                         ns.empty() ? std::string() : fmt::format(", \"{}\"", ns));
    }
    return out + "}";
  }

 private:
  std::vector<StripName> names_;
};

class Notify final : public Action {
 public:
  Notify(std::string text_fr, std::string text_en, std::int64_t every_ms)
      : text_fr_(std::move(text_fr)), text_en_(std::move(text_en)), every_ms_(every_ms) {}
  Next run(Context& context) const override {
    const auto now = context.facts.now_ms;
    auto& decision = context.decision;
    if (context.only_looks || (told_ && now - told_ms_ < every_ms_) || decision.notice_count == decision.notices.size())
      return Next::go_on;
    told_ = true;
    told_ms_ = now;
    decision.notices[decision.notice_count++] = {text_fr_, text_en_};
    return Next::go_on;
  }
  std::string describe() const override { return fmt::format("Notify(\"{}\")", text_en_); }

 private:
  std::string text_fr_, text_en_;
  std::int64_t every_ms_;
  mutable bool told_ = false;  // home shard only
  mutable std::int64_t told_ms_ = 0;
};

}  // namespace

ActionPtr make_allow() { return std::make_unique<Allow>(); }
ActionPtr make_drop() { return std::make_unique<Drop>(); }
ActionPtr make_deny(Refusal refusal) { return std::make_unique<Deny>(std::move(refusal)); }
ActionPtr make_tag(std::string tag) { return std::make_unique<Tag>(std::move(tag)); }
ActionPtr make_log() { return std::make_unique<Log>(); }
ActionPtr make_seal(std::string_view mode) { return std::make_unique<Seal>(mode); }
ActionPtr make_jump(const JumpTo& to) { return std::make_unique<Jump>(to); }
ActionPtr make_return() { return std::make_unique<Return>(); }
ActionPtr make_record(std::string word) { return std::make_unique<Record>(std::move(word)); }
ActionPtr make_disconnect() { return std::make_unique<Disconnect>(); }
ActionPtr make_unsubscribe() { return std::make_unique<Unsubscribe>(); }
ActionPtr make_limit(const Pace& pace) { return std::make_unique<Limit>(pace); }
ActionPtr make_quiet() { return std::make_unique<Quiet>(); }
ActionPtr make_require_approval() { return std::make_unique<RequireApproval>(); }
ActionPtr make_keep(std::uint32_t days) { return std::make_unique<KeepDays>(days); }
ActionPtr make_delay(std::int64_t ms) { return std::make_unique<DelayFor>(ms); }
ActionPtr make_delay(const Matcher& open) { return std::make_unique<DelayUntil>(open); }
ActionPtr make_strip(std::vector<StripName> names) { return std::make_unique<Strip>(std::move(names)); }
ActionPtr make_notify(std::string text_fr, std::string text_en, std::int64_t every_ms) {
  return std::make_unique<Notify>(std::move(text_fr), std::move(text_en), every_ms);
}

}  // namespace valise::policy
