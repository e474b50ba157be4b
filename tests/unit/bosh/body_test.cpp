#include "stream/bosh_body.hpp"

#include <gtest/gtest.h>

namespace valise::stream {
namespace {

std::optional<BoshBody> parse(std::string_view bytes, const xml::StreamLimits& limits = {}) {
  return parse_bosh_body(bytes, [&](const BoshBody&) { return limits; });
}
std::string body(std::string_view attributes, std::string_view content = {}) {
  return "<body xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' " + std::string(attributes) +
         ">" + std::string(content) + "</body>";
}

TEST(BoshBody, says_all_that_its_wrapper_says) {
  const auto one = parse("<?xml version='1.0'?>\n" +
                         body("rid='9007199254740991' sid='a&amp;b' to='x>y' ack='1' wait='60' hold='2' pause='3' "
                              "ver='1.11' type='terminate' key='k' newkey='n' content='c' from='f' xml:lang='fr' "
                              "xmpp:restart='true' xmpp:version='1.0' unknown='u'"));
  ASSERT_TRUE(one);
  EXPECT_EQ(one->rid, highest_rid);
  EXPECT_EQ(one->sid, "a&b");
  EXPECT_EQ(one->to, "x>y");
  EXPECT_EQ(one->ack, 1U);
  EXPECT_EQ(one->wait, 60U);
  EXPECT_EQ(one->hold, 2U);
  EXPECT_EQ(one->pause, 3U);
  EXPECT_EQ(one->ver, (std::pair<unsigned, unsigned>{1, 11}));
  EXPECT_EQ(one->type + one->key + one->newkey + one->content + one->from + one->lang, "terminatekncffr");
  EXPECT_TRUE(one->restart);
  EXPECT_EQ(one->version, "1.0");
  EXPECT_TRUE(one->payloads.empty());
}

TEST(BoshBody, holds_its_elements_in_order) {
  const auto one = parse(body("rid='1'", "<iq xmlns='jabber:client' id='a'/> <presence xmlns='jabber:client'/>"));
  ASSERT_TRUE(one && one->payloads.size() == 2);
  EXPECT_TRUE(std::get<xml::DocumentPtr>(one->payloads[0])->root().is("iq", "jabber:client"));
  EXPECT_TRUE(std::get<xml::DocumentPtr>(one->payloads[1])->root().is("presence", "jabber:client"));
}

TEST(BoshBody, what_is_too_large_is_known_by_its_id) {
  const auto one =
      parse(body("rid='1'", "<message xmlns='jabber:client' id='big'>" + std::string(300, 'a') + "</message>"),
            {.stanza = 200});
  ASSERT_TRUE(one && one->payloads.size() == 1);
  EXPECT_EQ(std::get<xml::OversizedStanza>(one->payloads[0]).id, "big");
}

TEST(BoshBody, refuses_what_is_none) {
  for (const auto& bytes : {std::string(),
                            std::string("x"),
                            std::string("<body/>"),
                            body(""),
                            body("rid='0'"),
                            body("rid='-1'"),
                            body("rid='9007199254740992'"),
                            body("rid='1' wait='x'"),
                            body("rid='1' ver='1'"),
                            body("rid='1'", "text"),
                            body("rid='1'", "<!-- -->"),
                            body("rid='1'", "<?a?>"),
                            body("rid='1'", "&a;"),
                            body("rid='1'", "<iq>"),
                            body("rid='1'") + "<a/>",
                            body("rid='1'").substr(0, 90),
                            body("rid='1' rid='2'"),
                            std::string("<!DOCTYPE body>") + body("rid='1'"),
                            std::string("<body rid='1'/>"),
                            std::string("<a/>") + body("rid='1'"),
                            body("rid='1' a='" + std::string(10'000, 'a') + "'")}) {
    EXPECT_FALSE(parse(bytes)) << bytes;
  }
}

}  // namespace
}  // namespace valise::stream
