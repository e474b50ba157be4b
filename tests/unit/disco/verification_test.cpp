#include "modules/disco/verification.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/namespaces.hpp"

namespace valise::modules::disco {
namespace {

constexpr auto sha1 = crypto::Hash::sha1;

std::optional<Info> parsed(const std::string& inner) {
  const auto document =
      xml::parse_element("<query xmlns='http://jabber.org/protocol/disco#info'>" + inner + "</query>");
  return document ? parse_info(document->root()) : std::nullopt;
}

const std::string simple =
    "<identity category='client' name='Exodus 0.9.1' type='pc'/>"
    "<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#items'/>"
    "<feature var='http://jabber.org/protocol/disco#info'/><feature var='http://jabber.org/protocol/muc'/>";
const std::string form =
    "<x xmlns='jabber:x:data' type='result'>"
    "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>"
    "<field var='ip_version' type='text-multi'><value>ipv6</value><value>ipv4</value></field>"
    "<field var='os'><value>Mac</value></field><field var='os_version'><value>10.5.1</value></field>"
    "<field var='software'><value>Psi</value></field><field var='software_version'><value>0.11</value></field></x>";

TEST(CapsHash, SimpleExampleOfXep0115) {  // §5.2
  EXPECT_EQ(verification_string(parsed(simple).value(), sha1), "QgayPKawpkPSDYmwT/WM94uAlu0=");
}

TEST(CapsHash, ComplexExampleOfXep0115) {  // §5.3
  const auto info = parsed(
      "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"
      "<identity xml:lang='el' category='client' name='\xce\xa8 0.11' type='pc'/>"
      "<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>"
      "<feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>" +
      form);
  EXPECT_EQ(verification_string(info.value(), sha1), "q07IKJEyjvHSyhy//CH0CxmKi8w=");
}

TEST(CapsHash, OrderOnTheWireDoesNotMatter) {
  const auto info = parsed(
      "<feature var='http://jabber.org/protocol/muc'/><feature var='http://jabber.org/protocol/disco#info'/>"
      "<feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/caps'/>"
      "<identity type='pc' category='client' name='Exodus 0.9.1'/>");
  EXPECT_EQ(verification_string(info.value(), sha1), "QgayPKawpkPSDYmwT/WM94uAlu0=");
}

TEST(CapsInfo, DuplicatesAreIllFormed) {  // §5.4
  const std::string identity = "<identity category='client' type='pc' name='x'/>";
  EXPECT_TRUE(parsed(identity));
  EXPECT_FALSE(parsed(identity + identity));
  EXPECT_FALSE(parsed("<feature var='a'/><feature var='a'/>"));
  EXPECT_FALSE(parsed(form + form));
  EXPECT_FALSE(
      parsed("<x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'><value>a</value><value>b</value>"
             "</field></x>"));
}

TEST(CapsInfo, FormsWithoutHiddenTypeAreIgnored) {
  const auto info = parsed(
      "<x xmlns='jabber:x:data'><field var='FORM_TYPE'><value>a</value></field></x>"
      "<x xmlns='jabber:x:data'><field var='b'><value>a</value></field></x>");
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->forms.empty());
}

TEST(CapsInfo, LimitsAreKept) {
  const auto features = [](std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += "<feature var='" + std::to_string(i) + "'/>";
    return out;
  };
  EXPECT_TRUE(parsed(features(max_features)));
  EXPECT_FALSE(parsed(features(max_features + 1)));
  EXPECT_TRUE(parsed("<feature var='" + std::string(max_length, 'x') + "'/>"));
  EXPECT_FALSE(parsed("<feature var='" + std::string(max_length + 1, 'x') + "'/>"));
}

// The features hide in a form, the hash stays: whoever announces the same client would lose them.
TEST(CapsPoisoning, FeaturesDressedUpAsAFormAreNotShared) {
  const auto honest = parsed(
      "<identity category='client' type='pc'/><feature var='urn:a'/><feature var='urn:b+notify'/>"
      "<feature var='urn:c'/>");
  const auto poisoned = parsed(
      "<identity category='client' type='pc'/><feature var='urn:a'/>"
      "<x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'><value>urn:b+notify</value>"
      "</field><field var='urn:c'/></x>");
  ASSERT_TRUE(honest && poisoned);
  ASSERT_EQ(verification_string(*honest, sha1), verification_string(*poisoned, sha1));
  EXPECT_TRUE(is_shareable(*honest));
  EXPECT_FALSE(is_shareable(*poisoned));
}

TEST(CapsPoisoning, FeaturesDressedUpAsAnIdentityAreNotShared) {
  const auto honest = parsed("<feature var='http://example.org/a'/><feature var='urn:b'/>");
  const auto poisoned =
      parsed("<identity category='http:' type='' xml:lang='example.org' name='a'/><feature var='urn:b'/>");
  ASSERT_TRUE(honest && poisoned);
  ASSERT_EQ(verification_string(*honest, sha1), verification_string(*poisoned, sha1));
  EXPECT_FALSE(is_shareable(*poisoned));
}

TEST(CapsPoisoning, SeparatorsWithinAStringAreNotShared) {
  const auto honest = parsed("<feature var='urn:a'/><feature var='urn:b'/>");
  const auto poisoned = parsed("<feature var='urn:a&lt;urn:b'/>");
  ASSERT_TRUE(honest && poisoned);
  ASSERT_EQ(verification_string(*honest, sha1), verification_string(*poisoned, sha1));
  EXPECT_FALSE(is_shareable(*poisoned));
}

TEST(CapsPoisoning, SoftwareInformationIsShared) { EXPECT_TRUE(is_shareable(parsed(simple + form).value())); }

// Recorded answers of real clients, whose node says the hash that they must have. Profanity, asked about a hash that
// it announced before one of its plugins added a feature, answers with what it can do now: such an answer proves
// nothing and must not be shared.
TEST(CapsCorpus, RecordedClientsHashAsTheyAnnounceAndAreShared) {
  std::size_t checked = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(VALISE_SOURCE_DIR) / "tests/corpus/stanzas")) {
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    const auto document = xml::parse_element(text.str());
    if (!document) continue;
    for (const auto stanza : document->root().children()) {
      const auto query = stanza.child("query", core::ns::disco_info);
      const auto node = query.attribute_or_empty("node");
      if (stanza.attribute_or_empty("type") != "result" || node.find('#') == std::string_view::npos) continue;
      const auto info = parse_info(query);
      ASSERT_TRUE(info) << entry.path();
      const bool same = verification_string(*info, sha1) == node.substr(node.rfind('#') + 1);
      // Profanity announces its caps anew when OMEMO is switched on, and answers for the old node with the new
      // features.
      const bool may_be_stale = entry.path().filename().string().find("--profanity-") != std::string::npos;
      EXPECT_TRUE(same || may_be_stale) << entry.path();
      EXPECT_TRUE(is_shareable(*info)) << entry.path();
      checked += same ? 1 : 0;
    }
  }
  EXPECT_GT(checked, 5u);
}

TEST(OwnCaps, TheAnnouncedNodeIsRecognised) {
  Info server;
  server.identities.push_back({"server", "im", "", "Valise"});
  server.features = {"urn:a"};
  const auto c = stream_feature(server);
  const auto ver = verification_string(server, sha1);
  EXPECT_NE(c.find("ver='" + ver + "'"), std::string::npos);
  EXPECT_TRUE(is_own_node("urn:valise:server#" + ver, server));
  EXPECT_FALSE(is_own_node("urn:valise:server#other", server));
  EXPECT_FALSE(is_own_node("urn:valise:server" + ver, server));
}

}  // namespace
}  // namespace valise::modules::disco
