#include "modules/commands/form.hpp"

#include <gtest/gtest.h>

namespace valise::modules::commands {
namespace {

const Form form{.title = {"Title", "Titre"},
                .form_type = "urn:test",
                .fields = {{.name = "who", .type = FieldType::jid_multi, .required = true},
                           {.name = "really", .type = FieldType::boolean},
                           {.name = "secret", .type = FieldType::text_private},
                           {.name = "size", .type = FieldType::list_single, .values = {"s"}, .options = {"s", "l"}}}};

std::optional<Values> read(const std::string& fields) {
  const auto document = xml::parse_element("<x xmlns='jabber:x:data' type='submit'>" + fields + "</x>");
  return read_submission(document->root(), form);
}
std::string field(const std::string& name, const std::string& values) {
  return "<field var='" + name + "'>" + values + "</field>";
}
const std::string who = field("who", "<value>a@b.example</value>");

TEST(CommandForm, AddressesComeInTheirOneFormAndOnce) {
  const auto values =
      read(field("who", "<value>A@B.example</value><value>a@b.example</value><value>c@b.example</value>"));
  ASSERT_TRUE(values);
  EXPECT_EQ(values->all("who"), (std::vector<std::string>{"a@b.example", "c@b.example"}));
}

TEST(CommandForm, WhatIsRequiredMustBeThere) {
  EXPECT_FALSE(read(""));
  EXPECT_FALSE(read(field("who", "")));
  EXPECT_FALSE(read(field("who", "<value/>")));
  EXPECT_FALSE(read_submission({}, form));
  EXPECT_TRUE(read(who));
}

TEST(CommandForm, AValueIsOfItsType) {
  EXPECT_FALSE(read(field("who", "<value>@@</value>")));
  EXPECT_FALSE(read(who + field("really", "<value>yes</value>")));
  EXPECT_TRUE(read(who + field("really", "<value>true</value>"))->is_true("really"));
  EXPECT_FALSE(read(who + field("really", "<value>0</value>"))->is_true("really"));
  EXPECT_FALSE(read(who + field("really", "<value>1</value><value>1</value>")));
  EXPECT_FALSE(read(who + field("size", "<value>m</value>")));
  EXPECT_EQ(read(who + field("size", "<value>l</value>"))->text("size"), "l");
}

TEST(CommandForm, BoundsHold) {
  EXPECT_TRUE(read(who + field("secret", "<value>" + std::string(longest_value, 'x') + "</value>")));
  EXPECT_FALSE(read(who + field("secret", "<value>" + std::string(longest_value + 1, 'x') + "</value>")));
  std::string fields = who;
  for (int i = 0; i < 63; ++i) fields += field("other" + std::to_string(i), "<value>x</value>");
  EXPECT_TRUE(read(fields));
  EXPECT_FALSE(read(fields + field("one", "")));
  std::string values;
  for (std::size_t i = 0; i <= most_values; ++i) values += "<value>a" + std::to_string(i) + "@b.example</value>";
  EXPECT_FALSE(read(field("who", values)));
}

TEST(CommandForm, AFormOfAnotherTypeIsNoAnswer) {
  EXPECT_TRUE(read(who + field("FORM_TYPE", "<value>urn:test</value>")));
  EXPECT_FALSE(read(who + field("FORM_TYPE", "<value>urn:other</value>")));
}

TEST(CommandForm, WhatIsRememberedIsShownButNoPassword) {
  const auto values = read(who + field("secret", "<value>sesame</value>") + field("size", "<value>l</value>"));
  ASSERT_TRUE(values);
  EXPECT_EQ(values->text("secret"), "sesame");
  const auto text = form_xml(form, core::Language::french, &*values);
  EXPECT_EQ(text.find("sesame"), std::string::npos);
  EXPECT_NE(text.find("<value>a@b.example</value>"), std::string::npos);
  EXPECT_NE(text.find("<value>l</value><option>"), std::string::npos) << text;
  EXPECT_NE(text.find("<title>Titre</title>"), std::string::npos);
  EXPECT_NE(form_xml(form, core::Language::english).find("<value>s</value><option>"), std::string::npos);
}

}  // namespace
}  // namespace valise::modules::commands
