#include "modules/pep/allow_list.hpp"

#include <gtest/gtest.h>

#include "../pictures.hpp"
#include "base/crypto.hpp"
#include "support.hpp"

namespace valise::modules::pep {
namespace {

using testing::Xml;

std::string allowed(std::string_view node, std::string_view id, std::string_view payload) {
  const Xml xml(payload);
  const auto result = allowed_payload(node, id, xml);
  return result ? *result : "refused: " + std::string(reason_of(result.error()));
}

TEST(PepAllowList, FreeTextHasNoNode) {
  for (const std::string_view node :
       {"urn:xmpp:microblog:0", "http://jabber.org/protocol/tune", "http://jabber.org/protocol/mood",
        "http://jabber.org/protocol/activity", "http://jabber.org/protocol/geoloc", "urn:xmpp:openpgp:0:public-keys",
        "urn:xmpp:omemo:1:devices", "urn:xmpp:reactions:popular:0", "my diary"}) {
    EXPECT_FALSE(is_allowed_node(node)) << node;
    EXPECT_EQ(allowed(node, "current", "<x xmlns='urn:example'/>"), "refused: pep-node") << node;
  }
}

TEST(PepAllowList, ANickIsShortAndAlone) {
  const std::string_view node = "http://jabber.org/protocol/nick";
  EXPECT_EQ(allowed(node, "current", "<nick xmlns='http://jabber.org/protocol/nick' extra='text'>Ali</nick>"),
            "<nick xmlns='http://jabber.org/protocol/nick'>Ali</nick>");
  EXPECT_EQ(
      allowed(node, "current", "<nick xmlns='http://jabber.org/protocol/nick'>" + std::string(65, 'x') + "</nick>"),
      "refused: pep-payload");
  EXPECT_EQ(allowed(node, "current", "<nick xmlns='http://jabber.org/protocol/nick'>a<b/></nick>"),
            "refused: pep-payload");
}

TEST(PepAllowList, ItemIdsAreTokens) {
  const std::string_view nick = "<nick xmlns='http://jabber.org/protocol/nick'>Ali</nick>";
  EXPECT_EQ(allowed("http://jabber.org/protocol/nick", "let us meet", nick), "refused: pep-item-id");
  EXPECT_EQ(allowed("http://jabber.org/protocol/nick", std::string(65, 'x'), nick), "refused: pep-item-id");
  EXPECT_TRUE(allowed("http://jabber.org/protocol/nick", std::string(64, 'x'), nick).starts_with("<nick"));
}

TEST(PepAllowList, AnAvatarIsAnImageNamedByItsHash) {
  const auto image = tests::png();
  const auto id = crypto::hex_encode(crypto::digest(crypto::Hash::sha1, image));
  const auto data = [](std::string_view bytes) {
    return "<data xmlns='urn:xmpp:avatar:data'>" + crypto::base64_encode(bytes) + "</data>";
  };
  EXPECT_EQ(allowed("urn:xmpp:avatar:data", id, data(image)), data(image));
  EXPECT_EQ(allowed("urn:xmpp:avatar:data", std::string(40, 'a'), data(image)), "refused: pep-item-id");
  const std::string text = "the merger is on friday";
  EXPECT_EQ(allowed("urn:xmpp:avatar:data", crypto::hex_encode(crypto::digest(crypto::Hash::sha1, text)), data(text)),
            "refused: pep-picture");
  for (const auto& bad : {image + text, tests::png_signature + text, tests::jpeg_of(64 * 1024 + 1)}) {
    EXPECT_EQ(allowed("urn:xmpp:avatar:data", crypto::hex_encode(crypto::digest(crypto::Hash::sha1, bad)), data(bad)),
              "refused: pep-picture");
  }
}

TEST(PepAllowList, AvatarMetadataKeepsNumbersAndHash) {
  const std::string id(40, 'a');
  EXPECT_EQ(
      allowed("urn:xmpp:avatar:metadata", id,
              "<metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='12' id='" + id +
                  "' type='image/png' width='64' height='x'/><info bytes='12' id='" + id +
                  "' type='image/png' url='http://example.org/secret'/><pointer><x>text</x></pointer></metadata>"),
      "<metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='12' id='" + id +
          "' type='image/png' width='64'/></metadata>");
  EXPECT_EQ(allowed("urn:xmpp:avatar:metadata", id, "<metadata xmlns='urn:xmpp:avatar:metadata'/>"),
            "<metadata xmlns='urn:xmpp:avatar:metadata'/>");
  EXPECT_EQ(allowed("urn:xmpp:avatar:metadata", id,
                    "<metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='12' id='" + id +
                        "' type='image/png' url='http://example.org/secret'/></metadata>"),
            "refused: pep-payload");
  EXPECT_EQ(
      allowed("urn:xmpp:avatar:metadata", id,
              "<metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='12' id='hello' type='image/png'/></metadata>"),
      "refused: pep-payload");
}

TEST(PepAllowList, ABookmarkKeepsItsNamesAndPinOnly) {
  EXPECT_EQ(allowed("urn:xmpp:bookmarks:1", "room@chat.example.org",
                    "<conference xmlns='urn:xmpp:bookmarks:1' name='Room' autojoin='1'><nick>me</nick>"
                    "<extensions><pinned xmlns='urn:xmpp:bookmarks-pinning:0'>text</pinned>"
                    "<note xmlns='urn:example'>text</note></extensions></conference>"),
            "<conference xmlns='urn:xmpp:bookmarks:1' name='Room' autojoin='true'><nick>me</nick>"
            "<extensions><pinned xmlns='urn:xmpp:bookmarks-pinning:0'/></extensions></conference>");
  EXPECT_EQ(allowed("urn:xmpp:bookmarks:1", "not a room/at all", "<conference xmlns='urn:xmpp:bookmarks:1'/>"),
            "refused: pep-item-id");
  EXPECT_EQ(allowed("urn:xmpp:bookmarks:1", "room@chat.example.org",
                    "<conference xmlns='urn:xmpp:bookmarks:1' name='" + std::string(129, 'x') + "'/>"),
            "refused: pep-payload");
}

TEST(PepAllowList, OldBookmarksLoseTheirWebPages) {
  EXPECT_EQ(allowed("storage:bookmarks", "current",
                    "<storage xmlns='storage:bookmarks'><url name='text' url='http://example.org/'/>"
                    "<conference jid='Room@chat.example.org' name='R'><nick>me</nick></conference></storage>"),
            "<storage xmlns='storage:bookmarks'><conference jid='room@chat.example.org' name='R'><nick>me</nick>"
            "</conference></storage>");
}

TEST(PepAllowList, ADisplayedMarkIsAnIdOfAChat) {
  EXPECT_EQ(allowed("urn:xmpp:mds:displayed:0", "bob@example.org",
                    "<displayed xmlns='urn:xmpp:mds:displayed:0'><stanza-id xmlns='urn:xmpp:sid:0' "
                    "by='me@example.org' id='123'/><note>text</note></displayed>"),
            "<displayed xmlns='urn:xmpp:mds:displayed:0'><stanza-id xmlns='urn:xmpp:sid:0' by='me@example.org' "
            "id='123'/></displayed>");
  EXPECT_EQ(allowed("urn:xmpp:mds:displayed:0", "bob@example.org",
                    "<displayed xmlns='urn:xmpp:mds:displayed:0'><stanza-id xmlns='urn:xmpp:sid:0' "
                    "by='me@example.org' id='let us meet'/></displayed>"),
            "refused: pep-payload");
}

TEST(PepAllowList, AChatInARoomIsDisplayedUnderItsFullAddress) {
  EXPECT_TRUE(is_allowed_item_id("urn:xmpp:mds:displayed:0", "room@chat.example.org/Some Nick"));
  EXPECT_FALSE(is_allowed_item_id("urn:xmpp:mds:displayed:0", "no address @"));
  EXPECT_FALSE(is_allowed_item_id("urn:xmpp:bookmarks:1", "room@chat.example.org/Some Nick"));
}

TEST(PepAllowList, OfAVcardsParametersTheKindAndTheRankStay) {
  const std::string ns = "urn:ietf:params:xml:ns:vcard-4.0";
  EXPECT_EQ(allowed("urn:xmpp:vcard4", "current",
                    "<vcard xmlns='" + ns +
                        "'><tel><parameters><type><text>cell</text><text>secret</text><text>cell</text></type>"
                        "<label><text>secret</text></label><pref><integer>1</integer></pref></parameters>"
                        "<uri>tel:1</uri></tel><tel><parameters><pref><integer>secret</integer></pref></parameters>"
                        "<uri>tel:2</uri></tel></vcard>"),
            "<vcard xmlns='" + ns +
                "'><tel><parameters><type><text>cell</text></type><pref><integer>1</integer></pref></parameters>"
                "<uri>tel:1</uri></tel><tel><uri>tel:2</uri></tel></vcard>");
}

TEST(PepAllowList, AVcardKeepsTheDirectorysFields) {
  const std::string ns = "urn:ietf:params:xml:ns:vcard-4.0";
  EXPECT_EQ(allowed("urn:xmpp:vcard4", "current",
                    "<vcard xmlns='" + ns +
                        "'><fn><text>Alice</text></fn><note><text>secret</text></note>"
                        "<url><uri>http://example.org/</uri></url></vcard>"),
            "<vcard xmlns='" + ns + "'><fn><text>Alice</text></fn></vcard>");
  EXPECT_EQ(allowed("urn:xmpp:vcard4", "current",
                    "<vcard xmlns='" + ns +
                        "'><fn><text>Alice</text></fn><fn><text>the merger</text></fn><n><surname>L</surname>"
                        "<surname>is on friday</surname></n></vcard>"),
            "<vcard xmlns='" + ns + "'><fn><text>Alice</text></fn><n><surname>L</surname></n></vcard>")
      << "a letter in lines";
}

TEST(PepAllowList, ACertificateIsOneAndWhole) {
  const auto chain = [](std::string_view bytes) {
    return allowed("eu.siacs.conversations.axolotl.verification:27183", "current",
                   "<verification xmlns='eu.siacs.conversations.axolotl'><chain><certificate index='0'>" +
                       crypto::base64_encode(bytes) +
                       "</certificate></chain><signature>AAAA</signature></verification>");
  };
  const auto good = testing::certificate();
  EXPECT_TRUE(chain(good).starts_with("<verification ")) << chain(good);
  for (const auto& bad : {std::string("\x30\x82\x00\x20", 4) + "the merger is on friday, at noon",
                          good + "the merger is on friday", good.substr(0, good.size() - 1)}) {
    EXPECT_EQ(chain(bad), "refused: pep-payload");
  }
}

TEST(PepAllowList, AVcardsFieldsAreValuesWithoutMarkup) {
  const auto card = [](std::string_view inner) {
    const std::string ns = "urn:ietf:params:xml:ns:vcard-4.0";
    return allowed("urn:xmpp:vcard4", "current", "<vcard xmlns='" + ns + "'>" + std::string(inner) + "</vcard>");
  };
  const auto kept = [](std::string_view inner) {
    return "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'" +
           (inner.empty() ? "/>" : ">" + std::string(inner) + "</vcard>");
  };
  const std::string_view good =
      "<n><surname>Doe</surname><given>Jane</given></n><tel><uri>tel:+1-555</uri></tel>"
      "<org><text>Ministry</text><text>Post</text></org>";
  EXPECT_EQ(card(good), kept(good));
  EXPECT_EQ(
      card("<fn a='secret'>secret<text b='secret'>Jane</text><parameters><type><text>secret</text></type></parameters>"
           "<evil xmlns='jabber:client'><body>secret</body></evil></fn><title>secret</title>"),
      kept("<fn><text>Jane</text></fn>"));
  EXPECT_EQ(card("<fn><text>a<b>secret</b></text></fn>"), "refused: pep-payload");
  EXPECT_EQ(card("<fn><text>" + std::string(129, 'x') + "</text></fn>"), "refused: pep-payload");
}

TEST(PepAllowList, WhatRealClientsPublishIsRefusedOrKeptWhole) {
  std::size_t kept = 0;
  for (const auto& publication : testing::recorded_publications()) {
    if (!is_allowed_node(publication.node)) continue;
    const auto once = allowed(publication.node, publication.item_id, publication.payload);
    ASSERT_FALSE(once.starts_with("refused")) << publication.file << " " << publication.node << ": " << once;
    EXPECT_EQ(allowed(publication.node, publication.item_id, once), once) << publication.node;
    ++kept;
  }
  EXPECT_GT(kept, 0u);
}

}  // namespace
}  // namespace valise::modules::pep
