#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/audit/record.hpp"

namespace valise::core::audit {
namespace {

std::string encoded(const Record& record) {
  std::string out;
  append_json(out, record);
  return out;
}

TEST(AuditRecord, EveryMemberHasItsPlaceInOneFixedOrder) {
  Record record;
  record.id = 7'401'000'000'000'000'001;
  record.rows = true;
  record.type = StanzaType::chat;
  record.encryption = Encryption::omemo2;
  record.verdict = Outcome::stored;
  record.sender_device = 31'337;
  record.recipient_keys = 3;
  record.size = 970;
  record.origin = make_ref<const Origin>(Origin::Members{.jid = "alice@a.example",
                                                         .resource = "phone",
                                                         .session = "42",
                                                         .source = "192.0.2.1:51234",
                                                         .tls = "TLSv1.3",
                                                         .cipher = "TLS_AES_256_GCM_SHA384",
                                                         .mechanism = "SCRAM-SHA-256-PLUS"});
  record.recipient = "bob@b.example";
  record.stanza_id = "m1";
  record.reason = "offline";
  record.rule = "after-hours";
  record.identity = std::string(64, 'a');
  EXPECT_EQ(
      encoded(record),
      R"({"id":"7401000000000000001","rows":true,"kind":"message","from":"alice@a.example","resource":"phone",)"
      R"("session":"42","source":"192.0.2.1:51234","tls":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384",)"
      R"("mechanism":"SCRAM-SHA-256-PLUS","to":"bob@b.example","stanza":"m1","type":"chat","size":970,)"
      R"("encryption":"omemo:2","device":31337,"identity":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",)"
      R"("keys":3,"verdict":"stored","reason":"offline",)"
      R"("rule":"after-hours"})");
}

TEST(AuditRecord, EmptyMembersAreLeftOut) {
  Record record;
  record.kind = Kind::start;
  EXPECT_EQ(encoded(record), R"({"id":"0","kind":"start"})");
}

TEST(AuditRecord, EveryKindAndTypeHasItsName) {
  EXPECT_EQ(name_of(Kind::message), "message");
  EXPECT_EQ(name_of(Kind::login_failed), "login-failed");
  EXPECT_EQ(name_of(Kind::recovered), "recovered");
  EXPECT_EQ(name_of(Kind::report), "report");
  EXPECT_EQ(name_of(Kind::omemo_device), "omemo-device");
  EXPECT_EQ(name_of(Kind::voided), "void");
  EXPECT_EQ(name_of(StanzaType::result), "result");
  EXPECT_EQ(stanza_type_of("unsubscribed"), StanzaType::unsubscribed);
  EXPECT_EQ(stanza_type_of("Chat"), StanzaType::none);
  EXPECT_EQ(stanza_type_of(""), StanzaType::none);
}

TEST(AuditRecord, QuotesControlsAndWideCharactersAreEscapedToAscii) {
  Record record;
  record.kind = Kind::admin;
  record.stanza_id = "a\"b\\c\nd\x7f é \xe2\x80\xae \xf0\x9f\x93\xa8";
  const auto text = encoded(record);
  EXPECT_NE(text.find(R"(a\"b\\c\u000ad\u007f \u00e9 \u202e \ud83d\udce8)"), text.npos) << text;
  EXPECT_EQ(nlohmann::json::parse(text)["stanza"], record.stanza_id);
}

TEST(AuditRecord, BytesThatAreNoUtf8BecomeReplacementCharactersAndNeverBreakTheJson) {
  for (const std::string bad :
       {"\xff", "\xc0\xaf", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xf0\x9f"}) {
    Record record;
    record.recipient = "x" + bad + "y";
    const auto text = encoded(record);
    const auto parsed = nlohmann::json::parse(text, nullptr, false);
    ASSERT_FALSE(parsed.is_discarded()) << text;
    EXPECT_NE(text.find(R"(\ufffd)"), text.npos);
    EXPECT_TRUE(text.ends_with(R"(y"})")) << text;
  }
}

TEST(AuditRecord, WhatAUserChoseIsCutAt1023BytesAndSaysSo) {
  Record record;
  record.stanza_id = std::string(max_user_bytes, 'x');
  EXPECT_EQ(encoded(record).find("\"cut\""), std::string::npos);
  record.stanza_id += 'x';
  const auto parsed = nlohmann::json::parse(encoded(record));
  EXPECT_EQ(parsed["stanza"], std::string(max_user_bytes, 'x'));
  EXPECT_EQ(parsed["cut"], true);
}

TEST(AuditRecord, ACutNeverSplitsACharacter) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    Record record;
    record.stanza_id = std::string(max_user_bytes - shift, 'x') + "\xf0\x9f\x93\xa8";
    const auto text = encoded(record);
    EXPECT_EQ(text.find(R"(\ufffd)"), text.npos) << shift;
    EXPECT_EQ(nlohmann::json::parse(text)["stanza"], std::string(max_user_bytes - shift, 'x'));
  }
}

TEST(AuditRecord, AReasonIsACodeAndCanHoldNoSentence) {
  Record record;
  record.reason = "he said: \"bring the papers\" \xc3\xa9" + std::string(100, 'a');
  const auto reason = nlohmann::json::parse(encoded(record))["reason"].get<std::string>();
  EXPECT_EQ(reason.size(), max_token_bytes);
  EXPECT_TRUE(reason.starts_with("he-said:-_bring-the-papers_-__"));
}

TEST(AuditRecord, TheLargestRecordStaysWithinItsBound) {
  const std::string huge(5'000, '\x01');
  Record record;
  record.rows = true;
  record.id = ~std::uint64_t{0};
  record.size = record.sender_device = record.recipient_keys = ~std::uint32_t{0};
  record.type = StanzaType::unsubscribed;
  record.encryption = Encryption::omemo2;
  record.verdict = Outcome::delivered;
  record.origin = make_ref<const Origin>(Origin::Members{huge, huge, huge, huge, huge, huge, huge});
  record.recipient = record.stanza_id = record.reason = record.rule = record.identity = huge;
  EXPECT_LE(encoded(record).size(), max_record_bytes);
  EXPECT_TRUE(encoded(record).ends_with(R"(,"cut":true})"));
}

TEST(AuditRecord, RecoveryReadsIdRowsAndCorrectionsBack) {
  Record record;
  record.id = 99;
  record.rows = true;
  auto key = key_of(encoded(record));
  EXPECT_EQ(key.id, 99u);
  EXPECT_TRUE(key.rows);
  EXPECT_FALSE(key.correction);
  record.kind = Kind::voided;
  record.rows = false;
  key = key_of(encoded(record));
  EXPECT_FALSE(key.rows);
  EXPECT_TRUE(key.correction);
  record.kind = Kind::recovered;
  EXPECT_TRUE(key_of(encoded(record)).correction);
}

TEST(AuditRecord, AKeyIsReadFromNothingElse) {
  for (const std::string text : {"", "{}", "{\"id\":\"\"", "{\"id\":\"x\",\"kind\":\"message\"}", "{\"id\":\"1\"}",
                                 "{\"id\":\"99999999999999999999999\",\"kind\":\"void\"}"}) {
    EXPECT_EQ(key_of(text).id, 0u) << text;
  }
}

}  // namespace
}  // namespace valise::core::audit
