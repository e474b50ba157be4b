// docs/sealed.md 3.3: messages without a seal. Only control elements of one matter pass; no text survives.
#include <gtest/gtest.h>

#include "samples.hpp"

namespace valise::modules::omemo {
namespace {
using namespace samples;

const std::string store = "<store xmlns='urn:xmpp:hints'/>";
const std::string composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
const std::string receipt = "<received xmlns='urn:xmpp:receipts' id='m0'/>";
const std::string displayed = "<displayed xmlns='urn:xmpp:chat-markers:0' id='m0'/>";
const std::string retract = "<retract xmlns='urn:xmpp:message-retract:1' id='m0'/>";
const std::string removal = "<reactions xmlns='urn:xmpp:reactions:0' id='m0'/>";

TEST(Control, EachKindPassesAloneAndWithItsCompany) {
  for (const auto& kind :
       {composing, receipt, displayed, removal, std::string("<received xmlns='urn:xmpp:chat-markers:0' id='m0'/>"),
        std::string(
            "<x xmlns='jabber:x:conference' jid='room@c.example' password='secret' continue='true' thread='t1'/>"),
        std::string("<x xmlns='http://jabber.org/protocol/muc#user'><invite to='nurse@a.example'/></x>"),
        std::string("<x xmlns='http://jabber.org/protocol/muc#user'><decline to='nurse@a.example'/></x>")}) {
    EXPECT_EQ(outcome(kind), kind);
    EXPECT_EQ(outcome(kind, "normal"), kind);
    EXPECT_EQ(outcome(kind + store), kind + store);
    EXPECT_EQ(outcome("<origin-id xmlns='urn:xmpp:sid:0' id='o'/>" + kind),
              "<origin-id xmlns='urn:xmpp:sid:0' id='o'/>" + kind);
  }
  EXPECT_EQ(outcome(displayed + composing), displayed + composing);
  EXPECT_EQ(outcome(receipt + displayed), receipt + displayed);
}

TEST(Control, ARetractionLosesItsSentenceAndIsStored) {  // Gajim, Monal, Converse; Dino has no body
  const std::string body = "<body>/me retracted a previous message, but it's unsupported by your client.</body>";
  const std::string fallback = "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>";
  EXPECT_EQ(outcome(retract), retract + store);
  EXPECT_EQ(outcome(body + fallback + retract), retract + store);
  EXPECT_EQ(outcome(body + retract + store), retract + store);
  EXPECT_EQ(outcome(retract + store), retract + store);
  const std::string fastened =
      "<apply-to xmlns='urn:xmpp:fasten:0' id='m0'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>";
  EXPECT_EQ(outcome(fastened + body), fastened + store);
  EXPECT_EQ(outcome("<apply-to xmlns='urn:xmpp:fasten:0' id='m0'><text>x</text></apply-to>"), "refused plaintext");
}

TEST(Control, ABodyWithoutSealIsRefusedInAnyDress) {
  for (const std::string children :
       {"<body>hello</body>", "<body/>", "<body xml:lang='fr'>bonjour</body><body>hello</body>", "hello",
        "<body>?OTR:AAMD</body>", "<body>This message is OMEMO encrypted.</body>"}) {
    for (const auto& company :
         {std::string(), store, composing, receipt, displayed, removal,
          std::string("<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl'/>"),
          std::string("<encrypted xmlns='urn:xmpp:omemo:1'/>"), std::string("<encrypted/>"),
          std::string("<p:encrypted xmlns:p='urn:p'/>")}) {
      EXPECT_EQ(outcome(children + company), "refused plaintext") << children + company;
      EXPECT_EQ(outcome(company + children), "refused plaintext") << company + children;
    }
  }
}

TEST(Control, NothingIsNoMessage) {
  for (const auto* children : {"", " ", "<store xmlns='urn:xmpp:hints'/>", "<request xmlns='urn:xmpp:receipts'/>",
                               "<thread>t1</thread>", "<encryption xmlns='urn:xmpp:eme:0' namespace='x'/>",
                               "<delay xmlns='urn:xmpp:delay' stamp='x'/>", "<private xmlns='urn:xmpp:carbons:2'/>"}) {
    EXPECT_EQ(outcome(children), "refused plaintext") << children;
  }
  EXPECT_EQ(outcome("<reactions xmlns='urn:xmpp:reactions:0'/>"), "refused reaction");
}

TEST(Control, OneMatterAMessage) {
  EXPECT_EQ(outcome(displayed + retract), "refused plaintext");
  EXPECT_EQ(outcome(removal + displayed), "refused plaintext");
  EXPECT_EQ(outcome(displayed + "<acknowledged xmlns='urn:xmpp:chat-markers:0' id='m0'/>"), "refused plaintext");
  for (const std::string one :
       {"<accept xmlns='urn:xmpp:jingle-message:0' id='c1'/>", "<left xmlns='urn:xmpp:call-message:1' id='i1'/>",
        "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='nurse@a.example'/></x>",
        "<apply-to xmlns='urn:xmpp:fasten:0' id='m0'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>"}) {
    EXPECT_EQ(outcome(one + one), "refused plaintext") << one;
  }
  EXPECT_EQ(
      outcome(
          "<accept xmlns='urn:xmpp:jingle-message:0' id='c1'/><ringing xmlns='urn:xmpp:jingle-message:0' id='c2'/>"),
      "refused plaintext");
}

TEST(Control, ARowOfSignsSpellsNothing) {
  std::string row;
  std::string once;
  for (int i = 0; i < 50; ++i) row += i % 3 == 0 ? composing : store;
  EXPECT_EQ(outcome(row), composing + store);
  EXPECT_EQ(outcome(composing + "<composing xmlns='http://jabber.org/protocol/chatstates'>see you</composing>"),
            "refused plaintext");
}

TEST(Control, WithoutWhatGivesThemMeaningTheyAreRefused) {
  for (const auto* children :
       {"<displayed xmlns='urn:xmpp:chat-markers:0'/>", "<displayed xmlns='urn:xmpp:chat-markers:0' id='two words'/>",
        "<received xmlns='urn:xmpp:receipts'/>", "<retract xmlns='urn:xmpp:message-retract:1'/>",
        "<x xmlns='jabber:x:conference'/>", "<x xmlns='jabber:x:conference' jid='see you at five'/>",
        "<x xmlns='jabber:x:conference' jid='c.example'/>",
        "<x xmlns='http://jabber.org/protocol/muc#user'><invite/></x>",
        "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='see you at five'/></x>"}) {
    EXPECT_EQ(outcome(children), "refused plaintext") << children;
  }
}

TEST(Control, InvitationsLoseTheirReason) {
  EXPECT_EQ(
      outcome("<x xmlns='jabber:x:conference' jid='room@c.example' reason='see you at five' continue='see you'/>"),
      "<x xmlns='jabber:x:conference' jid='room@c.example'/>");
  EXPECT_EQ(outcome("<x xmlns='jabber:x:conference' jid='room@c.example'>see you at five</x>"),
            "<x xmlns='jabber:x:conference' jid='room@c.example'/>");
  EXPECT_EQ(
      outcome("<x xmlns='http://jabber.org/protocol/muc#user'><invite to='n@a'><reason>see you</reason></invite></x>"),
      "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='n@a'/></x>");
  EXPECT_EQ(outcome("<x xmlns='jabber:x:conference' jid='room@c.example'/>", "groupchat"), "refused plaintext");
}

TEST(Control, ReactionsAndFilesHaveReasonsOfTheirOwn) {
  EXPECT_EQ(outcome("<reactions xmlns='urn:xmpp:reactions:0' id='m0'><reaction>x</reaction></reactions>" + store),
            "refused reaction");
  EXPECT_EQ(outcome("<x xmlns='jabber:x:oob'><url>https://a.example/f.pdf</url></x>"), "refused file");
  EXPECT_EQ(outcome("<x xmlns='jabber:x:oob'><url>aesgcm://a</url></x><body>aesgcm://a</body>"), "refused file");
  EXPECT_EQ(outcome("<subject>x</subject>", "groupchat"), "refused subject");
  EXPECT_EQ(outcome("<subject>x</subject><body>y</body>", "groupchat"), "refused plaintext");
  EXPECT_EQ(outcome("<subject>x</subject>"), "refused plaintext");
}

TEST(Control, HeadlinesAreTheServers) {
  EXPECT_EQ(outcome(receipt, "headline"), "refused plaintext");
  EXPECT_EQ(outcome(Legacy().text(), "headline"), "refused plaintext");
}

TEST(Control, WhatOnlyAServerSaysIsLeftOut) {
  const std::string spoofed =
      "<stanza-id xmlns='urn:xmpp:sid:0' id='1' by='a'/><delay xmlns='urn:xmpp:delay' stamp='x'>y</delay>"
      "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='1'/><addresses xmlns='http://jabber.org/protocol/address'/>"
      "<displayed xmlns='urn:xmpp:mds:displayed:0'><stanza-id xmlns='urn:xmpp:sid:0' id='1' by='a'/></displayed>";
  EXPECT_EQ(outcome(spoofed + displayed), displayed);
}

TEST(Calls, TheirMessagesPassWithoutText) {  // XEP-0353
  const std::string propose =
      "<propose xmlns='urn:xmpp:jingle-message:0' id='c1'><description xmlns='urn:xmpp:jingle:apps:rtp:1' "
      "media='audio'/>"
      "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/></propose>";
  const std::string proceed =
      "<proceed xmlns='urn:xmpp:jingle-message:0' id='c1'><device "
      "xmlns='http://gultsch.de/xmpp/drafts/omemo/dlts-srtp-verification' id='27183'/></proceed>";
  const std::string reject =
      "<reject xmlns='urn:xmpp:jingle-message:0' id='c1'><reason xmlns='urn:xmpp:jingle:1'><busy/></reason>"
      "<tie-break/></reject>";
  const std::string finish =
      "<finish xmlns='urn:xmpp:jingle-message:0' id='c1'><reason xmlns='urn:xmpp:jingle:1'><expired/></reason>"
      "<migrated to='c2'/></finish>";
  for (const auto& element :
       {propose, proceed, reject, finish, std::string("<ringing xmlns='urn:xmpp:jingle-message:0' id='c1'/>"),
        std::string("<retract xmlns='urn:xmpp:jingle-message:0' id='c1'/>"),
        std::string("<accept xmlns='urn:xmpp:jingle-message:0' id='c1'/>")}) {
    EXPECT_EQ(outcome(element + store), element + store);
    EXPECT_EQ(outcome(element), element) << "nobody adds a hint to a call";
  }
  EXPECT_EQ(
      outcome("<reject xmlns='urn:xmpp:jingle-message:0' id='c1'><reason xmlns='urn:xmpp:jingle:1'><text>see you</text>"
              "<decline/></reason><note>at five</note></reject>"),
      "<reject xmlns='urn:xmpp:jingle-message:0' id='c1'><reason "
      "xmlns='urn:xmpp:jingle:1'><decline/></reason></reject>");
  EXPECT_EQ(
      outcome("<propose xmlns='urn:xmpp:jingle-message:0' id='c1'><description xmlns='urn:xmpp:jingle:apps:rtp:1' "
              "media='see you at five'/></propose>"),
      "<propose xmlns='urn:xmpp:jingle-message:0' id='c1'/>");
  EXPECT_EQ(outcome("<finish xmlns='urn:xmpp:jingle-message:0' id='c1'><migrated to='c2'/><migrated to='see'/>"
                    "<migrated to='you'/></finish>"),
            "<finish xmlns='urn:xmpp:jingle-message:0' id='c1'><migrated to='c2'/></finish>")
      << "a row of them spells words";
  EXPECT_EQ(outcome("<proceed xmlns='urn:xmpp:jingle-message:0' id='c1'>see you</proceed>"), "refused plaintext");
  EXPECT_EQ(outcome("<ringing xmlns='urn:xmpp:jingle-message:0'/>"), "refused plaintext");
  EXPECT_EQ(outcome("<say xmlns='urn:xmpp:jingle-message:0' id='c1'/>"), "refused plaintext");
}

TEST(Calls, InvitationsNameASessionOrARoomAndNoWebAddress) {  // XEP-0482
  for (const auto* element :
       {"<invite xmlns='urn:xmpp:call-message:1' video='true'><jingle sid='s1' jid='mix@c.example'/></invite>",
        "<invite xmlns='urn:xmpp:call-message:1' id='i1' multi='true'><muji room='room@c.example'/></invite>",
        "<accept xmlns='urn:xmpp:call-message:1' id='i1'><jingle sid='s1'/></accept>",
        "<reject xmlns='urn:xmpp:call-message:1' id='i1'/>", "<left xmlns='urn:xmpp:call-message:1' id='i1'/>",
        "<retract xmlns='urn:xmpp:call-message:1' id='i1'/>"}) {
    EXPECT_EQ(outcome(element), element);
  }
  for (const auto* element :
       {"<invite xmlns='urn:xmpp:call-message:1'><external uri='https://a.example/see-you'/></invite>",
        "<invite xmlns='urn:xmpp:call-message:1'><jingle sid='s'/><external uri='tel:1'/></invite>",
        "<invite xmlns='urn:xmpp:call-message:1'><muji room='see you'/></invite>",
        "<invite xmlns='urn:xmpp:call-message:1'><jingle sid='see'/><jingle sid='you'/></invite>",
        "<invite xmlns='urn:xmpp:call-message:1'><muji room='see@c.example'/><muji room='you@c.example'/></invite>",
        "<invite xmlns='urn:xmpp:call-message:1'>see you</invite>",
        "<left xmlns='urn:xmpp:call-message:1' id='see you'/>"}) {
    EXPECT_EQ(outcome(element), "refused plaintext") << element;
  }
}

TEST(Errors, CarryTheirConditionAndNothingElse) {  // docs/sealed.md D9
  const auto error = stanza_of(
      "<message type='error' to='juliet@a.example' id='m1'><body>see you at five</body><error type='wait' by='see you'>"
      "<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>see you</resource-constraint>"
      "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>at five</text><note xmlns='urn:x'>see "
      "you</note></error></message>");
  EXPECT_EQ(rebuild_error(*error),
            "<error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
  const auto strange = stanza_of("<message type='error'><error type='see'><you xmlns='urn:x'/></error></message>");
  EXPECT_EQ(rebuild_error(*strange),
            "<error type='cancel'><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
  const auto none = stanza_of("<message type='error'><body>see you</body></message>");
  EXPECT_EQ(rebuild_error(*none),
            "<error type='cancel'><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
}

}  // namespace
}  // namespace valise::modules::omemo
