#include "modules/reports/report.hpp"

#include <gtest/gtest.h>

namespace valise::modules::reports {
namespace {

std::optional<Report> read(std::string_view reason, std::string_view inner = {}) {
  const auto document = xml::parse_element("<report xmlns='urn:xmpp:reporting:1' reason='" + std::string(reason) +
                                           "'>" + std::string(inner) + "</report>");
  return read_report(document->root());
}

TEST(Reports, AReportHasOneOfTwoReasons) {
  EXPECT_EQ(read("urn:xmpp:reporting:spam")->reason, "spam");
  EXPECT_EQ(read("urn:xmpp:reporting:abuse")->reason, "abuse");
  for (const std::string_view other : {"", "spam", "urn:xmpp:reporting:", "urn:xmpp:reporting:other"}) {
    EXPECT_FALSE(read(other)) << other;
  }
  EXPECT_FALSE(read_report(xml::parse_element("<report xmlns='urn:xmpp:reporting:0'/>")->root()));
}

TEST(Reports, MessagesAreIdsEachOnce) {
  const std::string ns = " xmlns='urn:xmpp:sid:0' by='a@b' ";
  const auto report =
      read("urn:xmpp:reporting:spam", "<stanza-id" + ns + "id='1'/><stanza-id" + ns + "id='1'/><stanza-id" + ns +
                                          "id='a b'/><stanza-id" + ns + "/><other id='2'/>");
  EXPECT_EQ(report->messages, std::vector<std::string>{"1"});
}

TEST(Reports, ATextMovesNoCursorAndIsCutAtACharacter) {
  EXPECT_EQ(printable("a\tb\x1b[2J\x7f", 100), "a b [2J ");
  EXPECT_EQ(printable("a\xc2\x9b"
                      "31m",
                      100),
            "a 31m");
  EXPECT_EQ(printable("\xc2\xa0", 100), "\xc2\xa0") << "no control character";
  EXPECT_EQ(printable("ééé", 5), "éé");
  EXPECT_EQ(printable("ééé", 6), "ééé");
  EXPECT_EQ(printable("a\xf0\x9f\x98\x80", 3), "a");
  EXPECT_EQ(printable("abc", 2), "ab");
  EXPECT_EQ(printable("é", 1), "");
}

TEST(Reports, WhatIsStoredIsReadBack) {
  const Report report{.at_ms = 1'700'000'000'123,
                      .reporter = "a'&<@b",
                      .reported = "c@d/e",
                      .reason = "abuse",
                      .messages = {"1", "<2>"},
                      .text = "it's & <so>"};
  const auto back = from_stored(to_stored(report));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->at_ms, report.at_ms);
  EXPECT_EQ(back->reporter, report.reporter);
  EXPECT_EQ(back->reported, report.reported);
  EXPECT_EQ(back->reason, report.reason);
  EXPECT_EQ(back->messages, report.messages);
  EXPECT_EQ(back->text, report.text);
  for (const std::string_view other : {"", "no xml", "<x/>", "<report/>", "<report at='x'/>", "<report at='1x'/>"}) {
    EXPECT_FALSE(from_stored(other)) << other;
  }
}

}  // namespace
}  // namespace valise::modules::reports
