#include "policy/action.hpp"

#include <fmt/core.h>

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
    return Next::done;
  }
  std::string describe() const override { return fmt::format("Deny{{\"{}\"}}", refusal_.error.condition); }
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
  bool only_unsealed() const override { return true; }
  bool ends() const override { return true; }

 private:
  std::string_view mode_;
};

}  // namespace

ActionPtr make_allow() { return std::make_unique<Allow>(); }
ActionPtr make_drop() { return std::make_unique<Drop>(); }
ActionPtr make_deny(Refusal refusal) { return std::make_unique<Deny>(std::move(refusal)); }
ActionPtr make_tag(std::string tag) { return std::make_unique<Tag>(std::move(tag)); }
ActionPtr make_log() { return std::make_unique<Log>(); }
ActionPtr make_seal(std::string_view mode) { return std::make_unique<Seal>(mode); }

}  // namespace valise::policy
