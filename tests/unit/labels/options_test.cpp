// labels.*: by host, and what is wrong with file and line.
#include "modules/labels/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.hpp"
#include "config/options.hpp"

namespace valise::modules::labels {
namespace {

using testing::AllOf;
using testing::HasSubstr;

config::LoadResult load(std::string_view text) {
  static const auto registry = [] {
    config::Registry made;
    for (const auto* option : config::kernel_options()) made.add(*option);
    add_options(made);
    return made;
  }();
  return config::load_text(text, "valise.lua", registry);
}

std::string fault(std::string_view text) {
  const auto loaded = load(text);
  if (!loaded) return loaded.error().front().message();
  config::Findings findings(**loaded);
  check_labels(**loaded, findings);
  return findings.errors.empty() ? "" : findings.errors.front().message();
}

TEST(LabelOptions, ThereAreNoneByDefault) {
  const auto loaded = load("host['a.example'] = {}");
  ASSERT_TRUE(loaded) << loaded.error().front().message();
  EXPECT_FALSE(offer_of(**loaded, "a.example").catalogue);
  EXPECT_FALSE(labels_of(**loaded, "a.example"));
}

TEST(LabelOptions, EachHostHasItsOwn) {
  const auto loaded = load(R"(
    host["a.example"].labels.catalogue = { "fr" }
    host["b.example"].labels.catalogue = { "interne; INTERNE" }
    host["b.example"].labels.default = "interne"
    host["b.example"].labels.restrict = false)");
  ASSERT_TRUE(loaded) << loaded.error().front().message();
  const auto a = offer_of(**loaded, "a.example"), b = offer_of(**loaded, "b.example");
  ASSERT_TRUE(a.catalogue && b.catalogue);
  EXPECT_EQ(a.catalogue->items().size(), french_levels().size());
  EXPECT_EQ(a.otherwise, "none");
  EXPECT_TRUE(a.restricts);
  EXPECT_EQ(b.otherwise, "interne");
  EXPECT_FALSE(b.restricts);
}

TEST(LabelOptions, WhatIsWrongIsToldWithItsLine) {
  EXPECT_THAT(fault("host['a.example'] = {}\nlabels.catalogue = { 'fr', 'secret SECRET' }"),
              AllOf(HasSubstr("valise.lua:2: "), HasSubstr("cannot be \"secret SECRET\"")));
  EXPECT_THAT(fault("host['a.example'] = {}\n\nlabels.catalogue = { 'fr', 'dr; DR' }"),
              AllOf(HasSubstr("valise.lua:3: "), HasSubstr("two labels \"dr\"")));
  EXPECT_THAT(
      fault("labels.catalogue = { 'fr' }\nhost['a.example'].labels.default = 'secrte'"),
      AllOf(HasSubstr("valise.lua:2: "), HasSubstr("no label \"secrte\""), HasSubstr("the nearest is \"secret\"")));
  EXPECT_EQ(fault("labels.catalogue = { 'fr' }\nhost['a.example'].labels.default = 'secret'"), "");
  EXPECT_EQ(fault("host['a.example'].labels.catalogue = { 'a; A' }"), "") << "no choice of none, and no default";
  EXPECT_THAT(fault("host['a.example'].labels.name = 'A\\nB'"), HasSubstr("one line"));
}

}  // namespace
}  // namespace valise::modules::labels
