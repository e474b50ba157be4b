#include "modules/avatars/pictures.hpp"

#include <gtest/gtest.h>

#include "../pictures.hpp"
#include "base/crypto.hpp"

namespace valise::modules::avatars {
namespace {

const auto png = tests::png();

std::string metadata(std::string_view infos) {
  return "<metadata xmlns='urn:xmpp:avatar:metadata'>" + std::string(infos) + "</metadata>";
}

core::StanzaPtr presence(std::string_view children) {
  auto stanza =
      core::make_stanza(xml::parse_element("<presence xmlns='jabber:client'>" + std::string(children) + "</presence>"));
  return *stanza;
}

TEST(AvatarPictures, TheIdIsThatOfThePictureKeptHere) {
  const std::string a(40, 'a'), upper(40, 'B'), lower(40, 'b');
  EXPECT_EQ(id_of(metadata("<info url='http://x' id='" + a + "'/><info id='" + upper + "'/>")), lower);
  EXPECT_EQ(id_of(metadata("<info id='short'/>")), "");
  EXPECT_EQ(id_of(metadata("")), "");
  EXPECT_EQ(id_of("<other/>"), "");
  EXPECT_EQ(id_of("no xml"), "");
}

TEST(AvatarPictures, PayloadsOfAPictureAreReadBack) {
  const auto id = id_of_picture(png);
  EXPECT_EQ(id, crypto::hex_encode(crypto::digest(crypto::Hash::sha1, png)));
  EXPECT_EQ(id_of(metadata_payload(png)), id);
  EXPECT_EQ(metadata_payload(""), "<metadata xmlns='urn:xmpp:avatar:metadata'/>");
  EXPECT_EQ(photo_of(data_payload(png), id),
            "<PHOTO><TYPE>image/png</TYPE><BINVAL>" + crypto::base64_encode(png) + "</BINVAL></PHOTO>");
  EXPECT_EQ(photo_of(data_payload(png), std::string(40, '0')), "") << "another name";
  EXPECT_EQ(photo_of(data_payload("text"), id_of_picture("text")), "") << "no picture";
  EXPECT_EQ(photo_of("<data xmlns='urn:xmpp:avatar:data'>!</data>", id), "");
}

TEST(AvatarPictures, APresenceSaysTheHashOnce) {
  const std::string hash(40, 'c');
  const std::string update = "<x xmlns='vcard-temp:x:update'><photo>" + hash + "</photo></x>";
  EXPECT_EQ(with_hash(*presence("<show>away</show>"), hash), "<show>away</show>" + update);
  EXPECT_EQ(with_hash(*presence("<x xmlns='vcard-temp:x:update'/><show>away</show>"), hash),
            "<show>away</show>" + update);
  EXPECT_EQ(with_hash(*presence("<x xmlns='vcard-temp:x:update'><photo>dd</photo></x>"), hash), update);
  EXPECT_EQ(with_hash(*presence(update), hash), std::nullopt);
  EXPECT_EQ(with_hash(*presence("<x xmlns='vcard-temp:x:update'><photo/></x>"), hash), std::nullopt);
  EXPECT_TRUE(says_none(*presence("<x xmlns='vcard-temp:x:update'><photo/></x>")));
  EXPECT_FALSE(says_none(*presence("<x xmlns='vcard-temp:x:update'/>")));
  EXPECT_EQ(repeated_with_hash("<show>away</show>" + update, ""),
            "<show>away</show><x xmlns='vcard-temp:x:update'><photo/></x>");
}

}  // namespace
}  // namespace valise::modules::avatars
