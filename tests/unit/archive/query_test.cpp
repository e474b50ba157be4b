// XEP-0313 §4 and XEP-0082 as pure functions.
#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "modules/archive/query.hpp"
#include "modules/archive/shown.hpp"

namespace {

using namespace valise;
using namespace valise::modules::archive;

std::expected<Query, core::StanzaError> read(const std::string& inner, const std::string& attributes = {}) {
  const auto document = xml::parse_element("<query xmlns='urn:xmpp:mam:2' " + attributes + ">" + inner + "</query>");
  return read_query(document->root());
}
std::string form(const std::string& name, const std::string& value) {
  return "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field><field "
         "var='" +
         name + "'><value>" + value + "</value></field></x>";
}

TEST(Dates, AreReadInEveryZoneAndPrecision) {
  constexpr std::int64_t at = 1'764'325'800'000'000;  // 2025-11-28T10:30:00Z
  for (const auto* same :
       {"2025-11-28T10:30:00Z", "2025-11-28T10:30:00.0Z", "2025-11-28T11:30:00+01:00", "2025-11-28T05:00:00-05:30",
        "2025-11-28T10:30:00.000000999Z", "2025-11-28T10:30:00+00:00"}) {
    EXPECT_EQ(parse_utc(same), at) << same;
  }
  EXPECT_EQ(parse_utc("2025-11-28T10:30:00.5Z"), at + 500'000);
  EXPECT_EQ(parse_utc("2025-11-28T10:30:00.000001Z"), at + 1);
  EXPECT_EQ(parse_utc("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_utc("1969-12-31T23:59:59Z"), -1'000'000);
  EXPECT_EQ(parse_utc("2024-02-29T00:00:00Z"), 1'709'164'800'000'000);
  EXPECT_EQ(parse_utc("2016-12-31T23:59:60Z"), parse_utc("2017-01-01T00:00:00Z"));
  EXPECT_EQ(parse_utc(format_utc(at * 1000)), at);
}

TEST(Dates, ThatAreNoneAreNot) {
  for (const auto* bad : {"",
                          "Z",
                          "2025-11-28",
                          "2025-11-28T10:30Z",
                          "2025-11-28T10:30:00",
                          "2025-11-28t10:30:00Z",
                          "2025-11-28T10:30:00z",
                          "2023-02-29T00:00:00Z",
                          "2025-00-01T00:00:00Z",
                          "2025-01-00T00:00:00Z",
                          "2025-11-28T24:00:00Z",
                          "2025-11-28T10:60:00Z",
                          "2025-11-28T10:30:61Z",
                          "2025-11-28T10:30:00,5Z",
                          "2025-11-28T10:30:00.Z",
                          "2025-11-28T10:30:00Z ",
                          " 2025-11-28T10:30:00Z",
                          "2025-11-28T10:30:00+1:00",
                          "2025-11-28T10:30:00+0100",
                          "2025-11-28T10:30:00+24:00",
                          "+2025-11-28T10:30:00Z",
                          "2025-1-28T10:30:00Z",
                          "12025-11-28T10:30:00Z"}) {
    EXPECT_EQ(parse_utc(bad), std::nullopt) << bad;
  }
}

TEST(ArchiveQuery, StartAndEndTakeWholeMillisecondsInclusively) {
  constexpr std::int64_t ms = 1'764'325'800'250;  // 10:30:00.250
  const auto first = IdGenerator::first_of(ms), next = IdGenerator::first_of(ms + 1);
  EXPECT_EQ(read(form("start", "2025-11-28T10:30:00.250Z"))->range.after, first - 1);
  EXPECT_EQ(read(form("start", "2025-11-28T10:30:00.2501Z"))->range.after, next - 1) << "the millisecond begins before";
  EXPECT_EQ(read(form("end", "2025-11-28T10:30:00.250Z"))->range.before, next);
  EXPECT_EQ(read(form("end", "2025-11-28T10:30:00.2509Z"))->range.before, next);
  EXPECT_EQ(read(form("end", "1960-01-01T00:00:00.0005Z"))->range.before, 0U);
  EXPECT_EQ(read(form("start", "9999-12-31T23:59:59Z"))->range.after, storage::no_bound - 1);
  EXPECT_EQ(read(form("end", "9999-12-31T23:59:59Z"))->range.before, storage::no_bound);
  EXPECT_EQ(read(form("start", "0000-01-01T00:00:00Z"))->range.after, 0U);
}

TEST(ArchiveQuery, APageIsNamedByIds) {
  const auto set = [](const std::string& inner) {
    return "<set xmlns='http://jabber.org/protocol/rsm'>" + inner + "</set>";
  };
  const auto after = read(set("<max>10</max><after>42</after>"));
  EXPECT_EQ(after->page_after, 42U);
  EXPECT_EQ(after->named, std::vector<std::uint64_t>{42});
  EXPECT_EQ(after->max, 10U);
  EXPECT_FALSE(after->backwards);
  const auto last = read(set("<before/>"));
  EXPECT_TRUE(last->backwards);
  EXPECT_EQ(last->page_before, storage::no_bound);
  EXPECT_EQ(last->max, max_page);
  EXPECT_EQ(read(set("<max>0</max>"))->max, 0U);
  EXPECT_EQ(read(set("<after>x</after>")).error().condition, "item-not-found");
  EXPECT_EQ(read(set("<index>0</index>")).error().condition, "feature-not-implemented");
  EXPECT_EQ(read({}, "node='n'").error().condition, "feature-not-implemented");
}

TEST(Terms, AnAccountsOwnTermWinsOverItsHosts) {
  const Terms terms{.hosts = {{"x", 30}, {"ever", 0}}, .accounts = {{"a@x", 365}, {"b@x", 0}, {"c@ever", 7}}};
  EXPECT_EQ(terms.of("z@x"), 30U);
  EXPECT_EQ(terms.of("a@x"), 365U);
  EXPECT_EQ(terms.of("b@x"), 0U);
  EXPECT_EQ(terms.of("z@elsewhere"), std::nullopt);
  EXPECT_EQ(terms.of("x"), std::nullopt);
  EXPECT_EQ(terms.shortest(), 7U);
  EXPECT_EQ((Terms{.hosts = {{"ever", 0}}, .accounts = {}}.shortest()), 0U);
}

}  // namespace
