// docs/sealed.md 3.2, D1, D8: what stands beside a valid seal. No text survives, the seal itself does.
#include <gtest/gtest.h>

#include "samples.hpp"

namespace valise::modules::omemo {
namespace {
using namespace samples;

constexpr std::string_view constant_body = "<body>Message chiffré OMEMO / OMEMO-encrypted message</body>";
constexpr std::string_view marker = "the merger is on friday";

const std::string& seal() {
  static const std::string made = Legacy().text();
  return made;
}
const std::string& seal2() {
  static const std::string made = Second().text();
  return made;
}
const std::string& empty_seal() {
  static const std::string made = [] {
    Legacy sample;
    sample.payload.clear();
    return sample.text();
  }();
  return made;
}

TEST(Sealed, TheSealGoesOutAsTheBytesThatCameIn) {
  EXPECT_EQ(outcome(seal()), seal());
  EXPECT_EQ(outcome(seal2()), seal2());
  EXPECT_EQ(outcome(seal() + seal2()), seal() + seal2());
}

TEST(Sealed, SaysWhatItIsForTheRecord) {
  const auto both = rebuilt(seal() + seal2());
  EXPECT_EQ(both.seal.form, core::Seal::Form::both);
  EXPECT_EQ(both.seal.keys, 2u);
  EXPECT_EQ(both.seal.sender_device, 27183u);
  EXPECT_TRUE(both.seal.has_payload);
  EXPECT_EQ(rebuilt(seal2()).seal.form, core::Seal::Form::omemo_2);
  EXPECT_FALSE(rebuilt(empty_seal()).seal.has_payload);
}

TEST(Sealed, BodiesBecomeOneConstantSentence) {
  const auto body = "<body>" + std::string(marker) + "</body>";
  EXPECT_EQ(outcome(body + seal()), seal() + std::string(constant_body));
  EXPECT_EQ(outcome(body + "<body xml:lang='de'>" + std::string(marker) + "</body>" + seal() + body),
            seal() + std::string(constant_body));
  EXPECT_EQ(outcome(body + empty_seal()), empty_seal()) << "no payload: nothing that a body could stand for";
}

TEST(Sealed, PrefixedSealsAreWrittenAnew) {
  std::string prefixed = seal();
  for (const auto* name : {"encrypted", "header", "key", "iv", "payload"}) {
    for (const std::string open : {"<", "</"}) {
      for (std::size_t at = 0; (at = prefixed.find(open + name, at)) != std::string::npos; ++at) {
        const auto next = prefixed[at + open.size() + std::string_view(name).size()];
        if (next == ' ' || next == '>') prefixed.insert(at + open.size(), "o:");
      }
    }
  }
  prefixed.replace(prefixed.find("xmlns="), 6, "xmlns:o=");
  ASSERT_TRUE(xml::parse_element(prefixed)) << prefixed;
  EXPECT_EQ(outcome(prefixed), seal());
}

TEST(Sealed, ReferencesAndCdataInASealAreWrittenAnew) {
  auto escaped = seal();
  escaped.replace(escaped.find("<iv>") + 4, 1, "&#" + std::to_string(escaped[escaped.find("<iv>") + 4]) + ";");
  EXPECT_EQ(outcome(escaped), seal());
  auto cdata = seal();
  cdata.insert(cdata.find("</iv>"), "]]>");
  cdata.insert(cdata.find("<iv>") + 4, "<![CDATA[");
  EXPECT_EQ(outcome(cdata), seal());
}

TEST(Sealed, BlanksInASealDoNotGoOut) {
  const std::string blanks(3000, ' ');
  for (const auto& whole : {seal(), seal2(), empty_seal()}) {
    for (const std::string_view more : {" ", "\n", "\t\r\n"}) {
      for (std::size_t at = 1; at < whole.size(); ++at) {
        // Between elements and around values, at the end of a tag, in front of an attribute.
        const bool behind_tag = whole[at - 1] == '>' && whole.find('>', at) != std::string::npos;
        const bool in_tag = whole[at] == '>' || (whole[at] == '<' && at > 0) || whole[at] == ' ';
        if (!behind_tag && !in_tag) continue;
        auto wide = whole;
        wide.insert(at, more);
        ASSERT_EQ(outcome(wide), whole) << at << wide;
      }
    }
    auto many = whole;
    many.insert(many.find("</header>"), blanks);
    EXPECT_EQ(outcome(many), whole);
  }
}

TEST(Sealed, WhatIsDeclaredAgainDoesNotGoOut) {
  auto again = seal();
  for (std::size_t at = 0; (at = again.find("<key ", at)) != std::string::npos; ++at) {
    again.insert(at + 4, " xmlns='" + std::string(legacy_ns) + "'");
  }
  EXPECT_EQ(outcome(again), seal());
}

TEST(Sealed, WhatIsAllowedPassesCanonically) {
  const std::string allowed =
      "<store xmlns='urn:xmpp:hints'/><origin-id xmlns='urn:xmpp:sid:0' id='o1'/><request xmlns='urn:xmpp:receipts'/>"
      "<markable xmlns='urn:xmpp:chat-markers:0'/><active xmlns='http://jabber.org/protocol/chatstates'/>"
      "<replace xmlns='urn:xmpp:message-correct:0' id='m0'/><private xmlns='urn:xmpp:carbons:2'/>"
      "<reply xmlns='urn:xmpp:reply:0' id='m0' to='juliet@a.example'/><x xmlns='http://jabber.org/protocol/muc#user'/>"
      "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='33'/></fallback>"
      "<thread>a1-b2_c3.d4</thread>";
  EXPECT_EQ(outcome(seal() + allowed), seal() + allowed);
}

TEST(Sealed, WhatIsAllowedIsEmptied) {
  EXPECT_EQ(outcome(seal() + "<store xmlns='urn:xmpp:hints' note='x' xml:lang='fr'/>"),
            seal() + "<store xmlns='urn:xmpp:hints'/>");
  for (const auto* full : {"<store xmlns='urn:xmpp:hints'>text</store>", "<store xmlns='urn:xmpp:hints'><x/></store>",
                           "<x xmlns='http://jabber.org/protocol/muc#user'><status code='1'/></x>",
                           "<origin-id xmlns='urn:xmpp:sid:0' id='two words'/>", "<origin-id xmlns='urn:xmpp:sid:0'/>",
                           "<replace xmlns='urn:xmpp:message-correct:0' id=''/>", "<thread>two words</thread>",
                           "<thread>a&amp;b</thread>", "<thread/>", "<thread>a<b/></thread>"}) {
    EXPECT_EQ(outcome(seal() + full), seal()) << full;
  }
}

TEST(Sealed, EachElementStandsOnce) {
  const std::string hint = "<store xmlns='urn:xmpp:hints'/>";
  const std::string state = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
  EXPECT_EQ(outcome(hint + seal() + state + hint + state + hint), hint + seal() + state);
  EXPECT_EQ(outcome(seal() + "<thread>one</thread><thread>two</thread>"), seal() + "<thread>one</thread>");
}

TEST(Sealed, EncryptionIsNamedByUs) {
  const std::string legacy =
      "<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl' name='OMEMO'/>";
  const std::string second = "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:omemo:2' name='OMEMO 2'/>";
  const std::string theirs = "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:x' name='" + std::string(marker) +
                             "'>" + std::string(marker) + "</encryption>";
  EXPECT_EQ(outcome(theirs + seal() + theirs), seal() + legacy);
  EXPECT_EQ(outcome(seal2() + theirs), seal2() + second);
  EXPECT_EQ(outcome(seal() + seal2() + theirs), seal() + seal2() + second);
}

TEST(Sealed, AReplyNamesOneOfTheTwoOrAnOccupant) {
  const auto reply = [](std::string_view to) {
    return "<reply xmlns='urn:xmpp:reply:0' id='m0' to='" + std::string(to) + "'/>";
  };
  const std::string without = "<reply xmlns='urn:xmpp:reply:0' id='m0'/>";
  EXPECT_EQ(outcome(seal() + reply("romeo@a.example")), seal() + reply("romeo@a.example"));
  for (const auto* to :
       {"nurse@a.example", "juliet@a.example/the merger is on friday", "the merger is on friday", "@"}) {
    EXPECT_EQ(outcome(seal() + reply(to)), seal() + without) << to;
  }
  EXPECT_EQ(outcome(seal() + reply("juliet@a.example/Nurse"), "groupchat"), seal() + reply("juliet@a.example/Nurse"));
}

TEST(Sealed, NoTextBesideItSurvivesAnywhere) {
  const auto m = std::string(marker);
  const std::vector<std::string> places{
      "<body>" + m + "</body>",
      m,
      "<subject>" + m + "</subject>",
      "<nick xmlns='http://jabber.org/protocol/nick'>" + m + "</nick>",
      "<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>" + m +
          "</body></html>",
      "<x xmlns='jabber:x:oob'><url>" + m + "</url></x>",
      "<body xmlns='urn:other'>" + m + "</body>",
      "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>" + m + "</reaction></reactions>",
      "<markup xmlns='urn:xmpp:markup:0'>" + m + "</markup>",
      "<thread parent='" + m + "'>t1</thread>",
      "<fallback xmlns='urn:xmpp:fallback:0' for='" + m + "'/>",
      "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='" + m + "'>" + m + "</body>" + m +
          "</fallback>",
      "<origin-id xmlns='urn:xmpp:sid:0' id='" + m + "'/>",
      "<replace xmlns='urn:xmpp:message-correct:0' id='" + m + "'/>",
      "<received xmlns='urn:xmpp:receipts' id='" + m + "'/>",
      "<displayed xmlns='urn:xmpp:chat-markers:0' id='1' " + std::string("x='") + m + "'/>",
      "<stanza-id xmlns='urn:xmpp:sid:0' id='" + m + "' by='a'/>",
      "<delay xmlns='urn:xmpp:delay' stamp='x'>" + m + "</delay>",
      "<forwarded xmlns='urn:xmpp:forward:0'><message><body>" + m + "</body></message></forwarded>",
      "<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>" + m + "</forwarded></sent>",
      "<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='" + m + "'/></event>",
      "<addresses xmlns='http://jabber.org/protocol/address'><address desc='" + m + "'/></addresses>",
      "<x xmlns='jabber:x:data' type='form'><title>" + m + "</title></x>",
      "<geoloc xmlns='http://jabber.org/protocol/geoloc'>" + m + "</geoloc>",
      "<rtt xmlns='urn:xmpp:rtt:0'><t>" + m + "</t></rtt>",
      "<jingle xmlns='urn:xmpp:jingle:1' sid='" + m + "'/>",
      "<spoiler xmlns='urn:xmpp:spoiler:0'>" + m + "</spoiler>",
      "<data xmlns='urn:xmpp:bob' cid='" + m + "'>" + m + "</data>",
      "<reference xmlns='urn:xmpp:reference:0' uri='" + m + "'/>",
      "<x xmlns='jabber:x:encrypted'>" + m + "</x>",
      "<openpgp xmlns='urn:xmpp:openpgp:0'>" + m + "</openpgp>",
      "<encrypted xmlns='urn:xmpp:omemo:1'>" + m + "</encrypted>",
      "<encrypted xmlns='eu.siacs.conversations.axolotl '>" + m + "</encrypted>",
      "<p:" + std::string("x xmlns:p='") + m + "'/>",
      "<x xmlns='" + m + "'/>",
      "<![CDATA[" + m + "]]>",
      "<x xmlns='http://jabber.org/protocol/muc#user'><invite><reason>" + m + "</reason></invite></x>",
      "<private xmlns='urn:xmpp:carbons:2'>" + m + "</private>",
      "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='" + m + "'/>",
      "<store xmlns='urn:xmpp:hints' note='" + m + "'/>"};
  std::string all;
  for (const auto& place : places) {
    for (const auto& children : {place + seal(), seal() + place, seal2() + place, empty_seal() + place}) {
      const auto result = rebuilt(children);
      EXPECT_FALSE(result.refused) << children;
      EXPECT_EQ(result.children.find("merger"), std::string::npos) << place;
    }
    // The control twin: without a seal it is refused, or what was said is gone.
    EXPECT_EQ(outcome(place).find("merger"), std::string::npos) << place;
    all += place;
  }
  EXPECT_EQ(outcome(all + seal()).find("merger"), std::string::npos);
  EXPECT_EQ(outcome(all), "refused plaintext");
}

// The one thing whose absence would be believed: the message does not go on without it.
TEST(Sealed, ALabelOfNoCatalogueRefusesTheWhole) {
  const auto label = "<securitylabel xmlns='urn:xmpp:sec-label:0'><displaymarking>" + std::string(marker) +
                     "</displaymarking></securitylabel>";
  for (const auto& children : {label + seal(), seal() + label, seal2() + label, empty_seal() + label}) {
    EXPECT_EQ(outcome(children), "refused label") << children;
  }
  EXPECT_EQ(outcome(label), "refused plaintext");
}

TEST(Sealed, OneInvalidSealRefusesTheWhole) {
  Legacy broken;
  broken.header_attributes = " sid='0'";
  EXPECT_EQ(outcome(broken.text()), "refused malformed");
  EXPECT_EQ(outcome(seal2() + broken.text()), "refused malformed");
  EXPECT_EQ(outcome(broken.text() + seal2()), "refused malformed");
  EXPECT_EQ(outcome(seal() + Legacy().text()), "refused malformed") << "two of one version";
  EXPECT_EQ(outcome("<encrypted xmlns='eu.siacs.conversations.axolotl'/>"), "refused malformed");
}

TEST(Sealed, ASealForNobodyIsDroppedBesideAValidOne) {  // Converse, docs/sealed.md D8
  const std::string nobody =
      "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'/><payload>" + b64(noise(32)) + "</payload></encrypted>";
  const std::string no_legacy = "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'><iv>" +
                                b64(noise(12)) + "</iv></header></encrypted>";
  EXPECT_EQ(outcome(seal() + nobody), seal());
  EXPECT_EQ(outcome(no_legacy + seal2()), seal2());
  EXPECT_EQ(rebuilt(seal() + nobody).seal.form, core::Seal::Form::legacy);
  EXPECT_EQ(outcome(nobody), "refused malformed");
  EXPECT_EQ(outcome(nobody + no_legacy), "refused malformed");
}

TEST(Sealed, RebuildingTwiceChangesNothing) {
  const std::string many =
      "<body>x</body><active xmlns='http://jabber.org/protocol/chatstates'/><encryption xmlns='urn:xmpp:eme:0' "
      "namespace='x'/><thread>t</thread><unknown xmlns='urn:x'>y</unknown>";
  for (const auto& children : {many + seal(), seal2() + many, seal() + many + seal2(), empty_seal() + many}) {
    const auto once = outcome(children);
    EXPECT_EQ(outcome(once), once);
  }
}

TEST(Sealed, FiveHundredDevicesPass) {
  Legacy sample;
  sample.keys.clear();
  for (int i = 1; i <= 500; ++i) sample.keys += key(std::to_string(i), Signal().text());
  EXPECT_EQ(outcome(sample.text()), sample.text());
}

TEST(Outside, OnlyTokensTagsAndKnownTypesStay) {
  auto stanza = stanza_of(
      "<message to='juliet@a.example' id='the merger' type='is on' xml:lang='friday, they say'><x/></message>");
  canonicalise(*stanza);
  EXPECT_EQ(stanza->id, "");
  EXPECT_EQ(stanza->type, "");
  EXPECT_EQ(stanza->lang, "");
  stanza = stanza_of("<message id='" + std::string(128, 'i') + "' type='groupchat' xml:lang='zh-Hant-TW'/>");
  canonicalise(*stanza);
  EXPECT_EQ(stanza->id.size(), 128u);
  EXPECT_EQ(stanza->type, "groupchat");
  EXPECT_EQ(stanza->lang, "zh-Hant-TW");
  stanza = stanza_of("<presence id='" + std::string(129, 'i') + "' type='subscribe' xml:lang='-'/>");
  canonicalise(*stanza);
  EXPECT_EQ(stanza->id + stanza->lang, "");
  EXPECT_EQ(stanza->type, "subscribe") << "an unknown presence type has an answer of its own";
}

}  // namespace
}  // namespace valise::modules::omemo
