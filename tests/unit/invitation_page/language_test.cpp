#include "modules/invitation_page/language.hpp"

#include <gtest/gtest.h>

#include <string>

namespace valise::modules::invitation_page {
namespace {

using enum core::Language;

TEST(AcceptLanguage, TheHeavierOfTheTwoWins) {  // RFC 9110 §12.5.4
  for (const auto otherwise : {english, french}) {
    const auto is = [&](std::string_view field) { return preferred_language(field, otherwise); };
    EXPECT_EQ(is("fr"), french);
    EXPECT_EQ(is("fr-CA, en;q=0.9"), french);
    EXPECT_EQ(is("en-GB,en;q=0.8,fr;q=0.5"), english);
    EXPECT_EQ(is("de, fr;q=0.2, en;q=0.3"), english);
    EXPECT_EQ(is("en;q=0, fr;q=0.001"), french);
    EXPECT_EQ(is("en;q=0.1, *;q=0.5"), french);
    EXPECT_EQ(is("fr;q=0, *"), english);
    EXPECT_EQ(is(" FR-be ;q=1.000 , en ; q=0.999"), french);
  }
}

TEST(AcceptLanguage, WhatNamesNeitherChoosesNothing) {
  for (const auto otherwise : {english, french}) {
    for (const auto* field : {"", "de", "*", "en, fr", "fry", "eng;q=1", ";q=1", ",,,", "en;q=2", "fr;q=1.0001",
                              "fr;q=-1", "fr;x=1", "fr;q=1;q=1", "en;q=", "en;q=0.1234"}) {
      EXPECT_EQ(preferred_language(field, otherwise), otherwise) << field;
    }
  }
  std::string many;
  for (int i = 0; i < 32; ++i) many += "de,";
  EXPECT_EQ(preferred_language(many + "fr", english), english) << "32 ranges count";
}

TEST(LanguageAskedFor, StandsInTheQuery) {
  EXPECT_EQ(language_asked_for("lang=fr", english), french);
  EXPECT_EQ(language_asked_for("a=b&lang=en", french), english);
  for (const auto* query : {"", "lang=de", "xlang=fr", "lang=frx", "lang", "&&&"}) {
    EXPECT_EQ(language_asked_for(query, english), english) << query;
  }
}

}  // namespace
}  // namespace valise::modules::invitation_page
