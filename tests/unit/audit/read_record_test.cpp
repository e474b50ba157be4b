#include "core/audit/read_record.hpp"

#include <gtest/gtest.h>

#include "core/audit/record.hpp"

namespace valise::core::audit {
namespace {

std::string encoded(const Record& record) {
  std::string out;
  append_json(out, record);
  return out;
}

TEST(ReadRecord, GivesBackWhatWasWritten) {
  Record record;
  record.kind = Kind::denied;
  record.type = StanzaType::chat;
  record.encryption = Encryption::legacy;
  record.verdict = Outcome::refused;
  record.sender_device = 27183;
  record.recipient_keys = 4;
  record.size = 900;
  record.id = 18'446'744'073'709'551'615u;
  record.rows = true;
  record.origin = make_ref<Origin>(Origin::Members{.jid = "élise@exämple.org",
                                                   .resource = "té\"lé\\phone 📱",
                                                   .session = "s1",
                                                   .source = "[2001:db8::1]:5222",
                                                   .tls = "TLSv1.3",
                                                   .cipher = "c",
                                                   .mechanism = "PLAIN"});
  record.recipient = "bob@example.org";
  record.stanza_id = "id-1";
  record.reason = "policy";
  record.rule = "règle « 1 »\n";
  const auto json = encoded(record);
  RecordReader reader;
  RecordView view;
  ASSERT_TRUE(reader.read(json, view));
  EXPECT_EQ(view.kind, "denied");
  EXPECT_EQ(view.from, "élise@exämple.org");
  EXPECT_EQ(view.resource, "té\"lé\\phone 📱");
  EXPECT_EQ(view.session, "s1");
  EXPECT_EQ(view.source, "[2001:db8::1]:5222");
  EXPECT_EQ(view.tls, "TLSv1.3");
  EXPECT_EQ(view.mechanism, "PLAIN");
  EXPECT_EQ(view.to, "bob@example.org");
  EXPECT_EQ(view.stanza, "id-1");
  EXPECT_EQ(view.type, "chat");
  EXPECT_EQ(view.encryption, "legacy");
  EXPECT_EQ(view.verdict, "refused");
  EXPECT_EQ(view.reason, "policy");
  EXPECT_EQ(view.rule, "règle « 1 »\n");
  EXPECT_EQ(view.size, 900u);
  EXPECT_EQ(view.device, 27183u);
  EXPECT_EQ(view.keys, 4u);
  EXPECT_FALSE(view.cut);
  record.rule = std::string(2000, 'x');
  EXPECT_TRUE(reader.read(encoded(record), view) && view.cut);
}

TEST(ReadRecord, RefusesWhatIsNoRecord) {
  RecordReader reader;
  RecordView view;
  for (const char* json : {"",
                           "{",
                           "{}",
                           "[]",
                           "null",
                           "{\"id\":\"1\"}",
                           "{\"kind\":\"x\"",
                           "{\"kind\":\"x\"}x",
                           "{\"kind\":x}",
                           "{\"kind\":\"x\",}",
                           "{\"kind\":\"\\\"}",
                           "{\"kind\":\"\\u12\"}",
                           "{\"kind\":\"\\ud800\"}",
                           "{\"kind\":\"\\ud800\\u0041\"}",
                           "{\"kind\":\"\\udc00\"}",
                           "{\"kind\":\"\\x\"}",
                           "{\"kind\":\"x\",\"size\":99999999999999999999}",
                           "{\"kind\":\"x\",\"size\":-1}",
                           "{\"kind\":{\"a\":1}}",
                           "{\"kind\":\"\\u-123\"}"}) {
    EXPECT_FALSE(reader.read(json, view)) << json;
  }
  EXPECT_TRUE(reader.read(R"({"kind":"x","later":"y","more":7,"rows":true})", view));
}

TEST(ReadRecord, EveryDamagedByteIsReadOrRefusedWithoutHarm) {
  Record record;
  record.origin = make_ref<Origin>(Origin::Members{
      .jid = "é\"@x", .resource = "r", .session = {}, .source = {}, .tls = {}, .cipher = {}, .mechanism = {}});
  record.rule = "à";
  const auto whole = encoded(record);
  RecordReader reader;
  RecordView view;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      auto bent = whole;
      bent[at] = static_cast<char>(byte);
      if (reader.read(bent, view)) {
        EXPECT_LE(view.from.size() + view.rule.size(), whole.size());
      }
    }
    EXPECT_FALSE(reader.read(whole.substr(0, at), view));
  }
}

}  // namespace
}  // namespace valise::core::audit
