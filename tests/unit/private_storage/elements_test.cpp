#include "modules/private_storage/elements.hpp"

#include <gtest/gtest.h>

namespace valise::modules::private_storage {
namespace {

std::string kept_of(const Schema& schema, std::string_view element) {
  const auto document = xml::parse_element(element);
  const auto written = kept(schema, document->root());
  return written ? *written : "refused: " + std::string(reason_of(written.error()));
}

std::string refused(std::string_view inner, bool one_namespace = false) {
  const auto document = xml::parse_element("<query xmlns='jabber:iq:private'>" + std::string(inner) + "</query>");
  const auto elements = elements_of(document->root(), one_namespace);
  return elements ? std::to_string(elements->size()) : std::string(elements.error().condition);
}

// XEP-0049 §2.3.
TEST(PrivateStorage, AnElementHasANamespaceOfItsOwn) {
  for (const std::string_view inner :
       {"", "x", "<a/>", "<a xmlns=''/>", "<a xmlns='jabber:client'/>", "<a xmlns='http://jabber.org/x'/>",
        "<a xmlns='vcard-temp'/>", "<a xmlns='urn:a'/><b/>", "<a xmlns='urn:a'/>text"}) {
    EXPECT_EQ(refused(inner), "not-acceptable") << inner;
  }
  EXPECT_EQ(refused("<a xmlns='urn:a'/><b xmlns='urn:b'/>"), "2");
  EXPECT_EQ(refused("<a xmlns='urn:a'/><b xmlns='urn:b'/>", true), "not-acceptable");
  EXPECT_EQ(refused("<a xmlns='urn:a'/><b xmlns='urn:a'/>", true), "2");
}

TEST(PrivateStorage, ASealedHostKeepsWhatItUnderstands) {
  const Schema sealed;
  EXPECT_EQ(kept_of(sealed, "<roster xmlns='roster:delimiter' a='b'>::</roster>"),
            "<roster xmlns='roster:delimiter'>::</roster>");
  EXPECT_EQ(kept_of(sealed, "<roster xmlns='roster:delimiter'>123456789</roster>"), "refused: private-content");
  EXPECT_EQ(
      kept_of(sealed, "<storage xmlns='storage:bookmarks'><url url='http://x'/><conference jid='r@m'/></storage>"),
      "<storage xmlns='storage:bookmarks'><conference jid='r@m'/></storage>");
  EXPECT_EQ(kept_of(sealed, "<other xmlns='storage:bookmarks'/>"), "refused: private-namespace");
  EXPECT_EQ(kept_of(sealed, "<storage xmlns='storage:rosternotes'/>"), "refused: private-namespace");
}

TEST(PrivateStorage, WhatIsOpenedIsKeptAsItIs) {
  const std::string note = "<storage xmlns='storage:rosternotes'><note jid='a@b'>text</note></storage>";
  EXPECT_EQ(kept_of({.sealed = true, .opened = {"storage:rosternotes"}}, note), note);
  EXPECT_EQ(kept_of({.sealed = false, .opened = {}}, note), note);
}

TEST(PrivateStorage, OnlyWhatMayBeThereNowIsShown) {
  const std::string stored = "<a xmlns='urn:a'>1</a><a xmlns='urn:a'>2</a>";
  EXPECT_EQ(shown({.sealed = false, .opened = {}}, stored), stored);
  EXPECT_EQ(shown({}, stored), "");
  EXPECT_EQ(shown({}, "damaged <"), "");
}

}  // namespace
}  // namespace valise::modules::private_storage
