// Rules about what is not sealed (lua/README.md, Seal): asked beside the message, and only where they say so.
#include "policies.hpp"

namespace valise::policy::test {
namespace {

using testing::HasSubstr;

Facts unsealed(std::string_view reason = "plaintext", std::string_view mode = "required") {
  auto facts = message();
  facts.event = Event::unsealed;
  facts.sealed = false;
  facts.omemo = Omemo::none;
  facts.sealed_mode = mode;
  facts.unsealed = reason;
  return facts;
}

TEST(Unsealed, ARuleAsksForAMode) {
  const auto set = loaded(R"(
    rule{ name = "soft", match = Kind("unsealed") * From("alice@example.org"), action = Seal("warn") }
    rule{ name = "hard", match = Kind("unsealed"), action = Seal("required") })");
  auto decision = set->decide(unsealed());
  EXPECT_EQ(decision.verdict, Verdict::allow);
  EXPECT_EQ(decision.seal, "warn");
  EXPECT_EQ(decision.rule, "soft");
  auto other = unsealed();
  other.from = {"bob@example.org", "example.org", ""};
  EXPECT_EQ(set->decide(other).seal, "required");
  EXPECT_EQ(set->describe()[0].action, "Seal(\"warn\")");
}

TEST(Unsealed, WithoutARuleAndWithAllowItStaysAsItIs) {
  EXPECT_EQ(loaded("")->decide(unsealed()).seal, "");
  const auto set = loaded("rule{ name = 'a', match = Kind('unsealed'), action = Allow() }");
  EXPECT_EQ(set->decide(unsealed()).seal, "");
  EXPECT_EQ(set->decide(unsealed()).rule, "a");
}

TEST(Unsealed, ADenialHasItsOwnText) {
  const auto set =
      loaded("rule{ name = 'a', match = Kind('unsealed'), action = Deny{ 'forbidden', en = 'Not here.' } }");
  EXPECT_EQ(set->decide(unsealed()).verdict, Verdict::deny);
  EXPECT_EQ(set->decide(unsealed()).text_en, "Not here.");
}

TEST(Unsealed, RulesAboutEverythingAreNotAskedASecondTime) {
  const auto set = loaded(R"(
    rule{ name = "all", match = Always(), action = Drop() }
    rule{ name = "out", match = Direction("out") * From{ domain = "example.org" }, action = Drop() }
    rule{ name = "no iq", match = -Kind("iq"), action = Drop() }
    rule{ name = "function", match = function(m) return true end, action = Drop() })");
  EXPECT_EQ(set->decide(unsealed()).verdict, Verdict::allow);
  EXPECT_FALSE(set->concerns(Event::unsealed, Direction::out));
  EXPECT_FALSE(set->concerns(Event::unsealed, Direction::in));
  EXPECT_EQ(set->decide(message()).rule, "all");
  const auto own = loaded("rule{ name = 'a', match = Kind('unsealed') * Direction('out'), action = Drop() }");
  EXPECT_TRUE(own->concerns(Event::unsealed, Direction::out));
  EXPECT_FALSE(own->concerns(Event::unsealed, Direction::in));
  EXPECT_FALSE(own->concerns(Event::message, Direction::out));
}

TEST(Unsealed, SealIsForThatKindAlone) {
  EXPECT_THAT(fault("rule{ name = 'a', match = Kind('message'), action = Seal('off') }"),
              HasSubstr("Seal stands in rules with Kind(\"unsealed\")"));
  EXPECT_THAT(fault("rule{ name = 'a', match = Always(), action = { Log(), Seal('off') } }"), HasSubstr("Seal stands"));
  EXPECT_THAT(fault("rule{ name = 'a', match = Kind{ 'message', 'unsealed' }, action = Drop() }"),
              HasSubstr("\"unsealed\" stands alone"));
  EXPECT_THAT(fault("Seal('none')"), HasSubstr("none"));
  EXPECT_EQ(fault("rule{ name = 'a', match = Kind('unsealed'), action = { Log(), Seal('off') } }"), "");
}

TEST(Unsealed, AFunctionThatGivesSealToAnotherKindFailsClosed) {
  const auto set = loaded(R"(
    local off = Seal("off")
    rule{ name = "a", match = Kind("message"), action = function(m) return off end }
    rule{ name = "b", match = Kind("unsealed"), action = function(m) if m.unsealed == "file" then return off end end })");
  const auto failed = set->decide(message());
  EXPECT_EQ(failed.verdict, Verdict::deny);
  EXPECT_EQ(failed.reason, Reason::policy_failed);
  EXPECT_EQ(failed.seal, "");
  EXPECT_EQ(set->decide(unsealed("file")).seal, "off");
  EXPECT_EQ(set->decide(unsealed("plaintext")).seal, "");
}

TEST(Unsealed, RulesReadTheModeAndTheReason) {
  const auto matches_unsealed = [](const std::string& matcher, const Facts& facts) {
    const auto set = loaded("rule{ name = 'r', match = Kind('unsealed') * " + matcher + ", action = Drop() }");
    return set && set->decide(facts).verdict == Verdict::drop;
  };
  EXPECT_TRUE(matches_unsealed("SealedMode('warn')", unsealed("plaintext", "warn")));
  EXPECT_FALSE(matches_unsealed("SealedMode('warn')", unsealed("plaintext", "required")));
  EXPECT_TRUE(matches_unsealed("SealedMode{'warn', 'off'}", unsealed("plaintext", "off")));
  EXPECT_TRUE(matches_unsealed("Unsealed('file')", unsealed("file")));
  EXPECT_FALSE(matches_unsealed("Unsealed('file')", unsealed("reaction")));
  EXPECT_THAT(fault("SealedMode('maybe')"), HasSubstr("maybe"));
  auto passed = message();
  passed.sealed_mode = "warn";
  passed.unsealed = "plaintext";
  EXPECT_TRUE(matches("Unsealed('plaintext') * SealedMode('warn')", passed)) << "of a message that a mode let pass";
  EXPECT_FALSE(matches("Unsealed('plaintext')", message()));
  EXPECT_TRUE(matches("function(m) return m.sealed_mode == 'warn' and m.unsealed == 'plaintext' end", passed));
}

}  // namespace
}  // namespace valise::policy::test
