#include "xml/document.hpp"

#include <gtest/gtest.h>

namespace valise::xml {
namespace {

TEST(Element, AnEmptyOneAnswersEveryQuestionWithNothing) {
  const Element none;
  EXPECT_FALSE(none);
  EXPECT_FALSE(none.is_text());
  EXPECT_EQ(none.name(), "");
  EXPECT_EQ(none.ns(), "");
  EXPECT_FALSE(none.is("", ""));
  EXPECT_FALSE(none.attribute("a"));
  EXPECT_EQ(none.attribute_count(), 0u);
  EXPECT_EQ(none.attributes_begin(), nullptr);
  EXPECT_EQ(none.text(), "");
  EXPECT_EQ(none.single_text(), "");
  EXPECT_FALSE(none.has_visible_text());
  EXPECT_FALSE(none.child("a", "b"));
  EXPECT_FALSE(none.first_element());
  EXPECT_EQ(none.raw(), "");
  EXPECT_FALSE(none.declares_ns());
  for (const auto child : none.children()) FAIL() << child.name();
}

TEST(Element, FindsChildrenAttributesAndTexts) {
  const auto document = parse_element(
      "<message id='1' xml:lang='fr' p:id='2' xmlns:p='urn:p'> <body>one</body>\n<body xmlns='urn:o'>two</body>"
      "<mixed>a<b/>c</mixed><empty/></message>");
  ASSERT_TRUE(document);
  const auto root = document->root();
  EXPECT_EQ(root.attribute("id"), "1");
  EXPECT_EQ(root.attribute(xml_lang), "fr");
  EXPECT_FALSE(root.attribute("lang"));
  EXPECT_EQ(root.attribute_or_empty("none"), "");
  EXPECT_EQ(root.attribute_count(), 3u);
  EXPECT_EQ(root.child("body", "jabber:client").text(), "one");
  EXPECT_EQ(root.child("body", "urn:o").single_text(), "two");
  EXPECT_FALSE(root.child("body", "urn:p"));
  EXPECT_TRUE(root.child("body", "urn:o").declares_ns());
  EXPECT_FALSE(root.child("body", "jabber:client").declares_ns());
  EXPECT_EQ(root.first_element().name(), "body");
  EXPECT_FALSE(root.has_visible_text());
  const auto mixed = root.child("mixed", "jabber:client");
  EXPECT_EQ(mixed.text(), "ac");
  EXPECT_FALSE(mixed.single_text());
  EXPECT_TRUE(mixed.has_visible_text());
  EXPECT_EQ(root.child("empty", "jabber:client").single_text(), "");
  EXPECT_EQ(root.child("empty", "jabber:client").raw(), "<empty/>");
}

TEST(Element, ATextNodeIsNoElement) {
  const auto document = parse_element("<a>text</a>");
  const auto text = *document->root().children().begin();
  EXPECT_TRUE(text.is_text());
  EXPECT_EQ(text.text(), "text");
  EXPECT_EQ(text.name(), "");
  EXPECT_FALSE(text.is("", ""));
  EXPECT_EQ(text.attribute_count(), 0u);
  EXPECT_FALSE(document->root().first_element());
}

TEST(Document, IsOneBlockThatTheLastReferenceFrees) {
  DocumentPtr kept;
  {
    const auto document = parse_element("<a><b>text</b></a>");
    EXPECT_GE(document->memory(), sizeof(Document) + document->raw().size());
    kept = document;
  }
  EXPECT_EQ(kept->root().first_element().text(), "text");
}

}  // namespace
}  // namespace valise::xml
