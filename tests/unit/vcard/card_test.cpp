#include "modules/vcard/card.hpp"

#include <gtest/gtest.h>

#include "../pictures.hpp"
#include "base/crypto.hpp"

namespace valise::modules::vcard {
namespace {

std::string allowed(std::string_view inner) {
  const auto document =
      xml::parse_element("<vCard xmlns='vcard-temp' version='3.0'>" + std::string(inner) + "</vCard>");
  if (!document) return "no XML";
  const auto card = allowed_card(document->root());
  return card ? *card : "refused: " + std::string(reason_of(card.error()));
}

std::string photo(std::string_view bytes) {
  return "<PHOTO><BINVAL>" + crypto::base64_encode(bytes) + "</BINVAL></PHOTO>";
}

TEST(VCard, FieldsAreWrittenAnew) {
  EXPECT_EQ(allowed("<FN a='b'>A &amp; B</FN>text<N><GIVEN>A</GIVEN><x xmlns='y'>z</x></N>"),
            "<vCard xmlns='vcard-temp'><FN>A &amp; B</FN><N><GIVEN>A</GIVEN></N></vCard>");
  EXPECT_EQ(allowed("<TEL><NUMBER>1</NUMBER><VOICE>text</VOICE><HOME/><OTHER/></TEL>"),
            "<vCard xmlns='vcard-temp'><TEL><HOME/><VOICE/><NUMBER>1</NUMBER></TEL></vCard>");
}

TEST(VCard, NothingIsLeftOfWhatHoldsNothing) {
  for (const std::string_view inner :
       {"", "<NOTE>x</NOTE>", "<FN/>", "<N/>", "<EMAIL><HOME/></EMAIL>", "<TEL><HOME/><NUMBER/></TEL>", "<PHOTO/>",
        "<PHOTO><TYPE>image/png</TYPE></PHOTO>", "<PHOTO><BINVAL> </BINVAL></PHOTO>", "<FN xmlns='other'>x</FN>",
        "<fn>x</fn>"}) {
    EXPECT_EQ(allowed(inner), "") << inner;
  }
}

TEST(VCard, EachPlainFieldStandsOnce) {
  EXPECT_EQ(allowed("<ROLE>a</ROLE><ROLE>b</ROLE>"), "<vCard xmlns='vcard-temp'><ROLE>a</ROLE></vCard>");
  EXPECT_EQ(allowed("<N><GIVEN>a</GIVEN><GIVEN>b</GIVEN></N>"),
            "<vCard xmlns='vcard-temp'><N><GIVEN>a</GIVEN></N></vCard>");
}

TEST(VCard, ValuesAreShortAndHaveNoMarkup) {
  const std::string long_value(max_value + 1, 'x');
  for (const auto& inner :
       {"<FN>" + long_value + "</FN>", "<N><SUFFIX>" + long_value + "</SUFFIX></N>", std::string("<FN>a<b/>c</FN>"),
        "<TEL><NUMBER>" + long_value + "</NUMBER></TEL>", "<EMAIL><USERID>" + long_value + "</USERID></EMAIL>"}) {
    EXPECT_EQ(allowed(inner), "refused: vcard-value") << inner;
  }
}

TEST(VCard, APictureIsWhatItsBytesSay) {
  const auto png = tests::png();
  EXPECT_EQ(allowed("<PHOTO><TYPE>a poem</TYPE><BINVAL>" + crypto::base64_encode(png) + "</BINVAL></PHOTO>"),
            "<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>" + crypto::base64_encode(png) +
                "</BINVAL></PHOTO></vCard>");
  EXPECT_EQ(allowed(photo("words")), "refused: vcard-photo");
  EXPECT_EQ(allowed(photo(tests::png_signature + "....")), "refused: vcard-photo") << "its first bytes alone";
  EXPECT_EQ(allowed(photo(png + "and so on")), "refused: vcard-photo");
  EXPECT_EQ(allowed(photo(tests::jpeg_of(max_photo + 1))), "refused: vcard-photo");
  EXPECT_EQ(allowed("<PHOTO><BINVAL>?</BINVAL></PHOTO>"), "refused: vcard-photo");
  EXPECT_TRUE(allowed(photo(tests::jpeg_of(max_photo))).starts_with("<vCard"));
}

TEST(VCard, WhatIsAllowedStaysAllowed) {
  const auto once = allowed("<FN>A</FN><ORG><ORGNAME>O</ORGNAME><ORGUNIT>1</ORGUNIT><ORGUNIT>2</ORGUNIT></ORG>" +
                            photo(tests::jpeg()));
  const auto document = xml::parse_element(once);
  ASSERT_TRUE(document);
  EXPECT_EQ(allowed_card(document->root()), once);
}

}  // namespace
}  // namespace valise::modules::vcard
