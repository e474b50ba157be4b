// RFC 6121 §8.5.2.2, XEP-0160 §3, XEP-0334, docs/sealed.md D10.
#include "core/storable.hpp"

#include <gtest/gtest.h>

namespace {

using namespace valise;
using core::storable;

constexpr const char* body = "<body>x</body>";
constexpr const char* composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
constexpr const char* no_store = "<no-store xmlns='urn:xmpp:hints'/>";
constexpr const char* store = "<store xmlns='urn:xmpp:hints'/>";
constexpr const char* sealed =
    "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'><key rid='2'>AA==</key><iv>AA==</iv></header>"
    "<payload>AA==</payload></encrypted>";
constexpr const char* sealed_2 =
    "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'/><payload>AA==</payload></encrypted>";
constexpr const char* transport =
    "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'><key rid='2'>AA==</key></header></encrypted>";

std::string reason(const std::string& children, const std::string& type = "chat") {
  const auto document = xml::parse_element(type.empty() ? "<message>" + children + "</message>"
                                                        : "<message type='" + type + "'>" + children + "</message>");
  EXPECT_TRUE(document) << children;
  const auto stanza = core::make_stanza(document);
  const auto decision = storable(**stanza);
  return (decision.store ? "+" : "-") + std::string(decision.reason);
}
std::string all(std::initializer_list<const char*> parts) {
  std::string out;
  for (const auto* part : parts) out += part;
  return out;
}

TEST(Storable, AreMessagesWithABody) {
  for (const auto* type : {"chat", "normal", "", "unknown"}) EXPECT_EQ(reason(body, type), "+body") << type;
}

TEST(Storable, AreNeverGroupchatHeadlineOrError) {
  for (const auto* type : {"groupchat", "headline", "error"}) {
    EXPECT_EQ(reason(body, type), "-type");
    EXPECT_EQ(reason(all({sealed, store}), type), "-type");
  }
}

TEST(Storable, AreSealedMessagesWithAPayloadWhetherOrNotTheyHaveABody) {
  EXPECT_EQ(reason(sealed), "+sealed");
  EXPECT_EQ(reason(sealed_2), "+sealed");
  EXPECT_EQ(reason(all({sealed, body})), "+sealed");
}

TEST(Storable, IsAKeyTransportOnlyIfItSaysSo) {
  EXPECT_EQ(reason(transport), "-fleeting");
  EXPECT_EQ(reason(all({transport, store})), "+store");
}

TEST(Storable, IsNothingThatForbidsIt) {
  EXPECT_EQ(reason(all({body, no_store})), "-no-store");
  EXPECT_EQ(reason(all({sealed, no_store})), "-no-store");
  EXPECT_EQ(reason(all({sealed, store, no_store})), "-no-store");
}

TEST(Storable, IsWhatMustOnlyNotBeArchived) {  // XEP-0334 §3: kept until it is delivered
  EXPECT_EQ(reason(all({sealed, "<no-permanent-store xmlns='urn:xmpp:hints'/>"})), "+sealed");
  EXPECT_EQ(reason(all({body, "<no-copy xmlns='urn:xmpp:hints'/>"})), "+body");
}

TEST(Storable, AreNoChatStatesReceiptsOrMarkersAlone) {
  EXPECT_EQ(reason(composing), "-fleeting");
  EXPECT_EQ(reason(composing, ""), "-fleeting");
  EXPECT_EQ(reason(all({composing, "<thread>t</thread>"})), "-fleeting");
  EXPECT_EQ(reason("<received xmlns='urn:xmpp:receipts' id='1'/>"), "-fleeting");
  EXPECT_EQ(reason("<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>"), "-fleeting");
  EXPECT_EQ(reason(""), "-fleeting");
  EXPECT_EQ(reason(all({composing, body})), "+body");
  EXPECT_EQ(reason(all({composing, store})), "+store");
}

TEST(Storable, IsOtherContentWithoutABody) {
  EXPECT_EQ(reason("<retract xmlns='urn:xmpp:message-retract:1' id='1'/>"), "+content");
  EXPECT_EQ(reason("<x xmlns='jabber:x:conference' jid='room@c.x'/>", ""), "+content");
  EXPECT_EQ(reason("<subject>s</subject>", ""), "+content");
}

TEST(Storable, HintsOfOtherNamespacesMeanNothing) {
  EXPECT_EQ(reason(all({body, "<no-store xmlns='urn:other'/>"})), "+body");
  EXPECT_EQ(reason("<body xmlns='urn:xmpp:hints'/>"), "-fleeting");
}

TEST(Storable, IsDecidedByWhatGoesOnAfterHooksRewroteIt) {
  const auto document = xml::parse_element(all({"<message type='chat'>", body, "</message>"}));
  const auto stanza = *core::make_stanza(document);
  stanza->rewrite(composing);
  EXPECT_FALSE(storable(*stanza).store);
  stanza->rewrite(sealed);
  EXPECT_EQ(storable(*stanza).reason, "sealed");
}

}  // namespace
