// XEP-0258 §3, §4: which label equals one of a catalogue, and what a catalogue may be.
#include "modules/labels/catalogue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "xml/writer.hpp"

namespace valise::modules::labels {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view marker = "the merger is on friday";

Ref<const Catalogue> made(const config::Strings& entries) {
  auto catalogue = Catalogue::make(entries);
  EXPECT_TRUE(catalogue) << catalogue.error();
  return catalogue ? std::move(*catalogue) : Ref<const Catalogue>();
}

const Catalogue& french() {
  static const auto catalogue = made({"fr"});
  return *catalogue;
}

std::string label(std::string_view marking = "SECRET", std::string_view inside = {}, std::string_view attributes = {}) {
  const std::string level = "<level xmlns='urn:valise:label:0' name='secret'/>";
  return "<securitylabel xmlns='urn:xmpp:sec-label:0'" + std::string(attributes) +
         "><displaymarking fgcolor='white' bgcolor='#c9191e'>" + std::string(marking) + "</displaymarking><label>" +
         (inside.empty() ? level : std::string(inside)) + "</label></securitylabel>";
}

// The short name of the label that `xml` is; "none": it is none.
std::string found(std::string_view xml, const Catalogue& catalogue = french()) {
  const auto document = xml::parse_element(xml);
  if (!document) return "not well-formed";
  const auto label = catalogue.find(document->root());
  return label ? label->name : "none";
}

std::string kept(std::string_view xml, const Catalogue& catalogue = french()) {
  const auto document = xml::parse_element(xml);
  const auto label = document ? catalogue.find_kept(document->root()) : Ref<const core::Label>();
  return label ? label->xml : "none";
}

TEST(FrenchLevels, AreNoneDiffusionRestreinteSecretAndTresSecret) {
  std::vector<std::string_view> names, selectors;
  for (const auto& item : french().items()) {
    names.push_back(item.name());
    selectors.push_back(item.selector);
  }
  EXPECT_THAT(names, ElementsAre("none", "dr", "dr-sf", "secret", "tres-secret"));
  EXPECT_THAT(selectors, ElementsAre("NON PROTÉGÉ", "DIFFUSION RESTREINTE", "DIFFUSION RESTREINTE – SPÉCIAL FRANCE",
                                     "SECRET", "TRÈS SECRET"));
  EXPECT_FALSE(french().items().front().label) << "without a label";
  EXPECT_EQ(french().items()[3].label->xml, label());
}

TEST(Labels, EqualTheirOwn) {
  for (const auto& item : french().items()) {
    if (item.label) {
      EXPECT_EQ(found(item.label->xml), item.name());
    }
  }
}

// Nothing of how it is written goes on: what goes on is the catalogue's own.
TEST(Labels, AreTheSameHoweverTheyAreWritten) {
  EXPECT_EQ(found("<s:securitylabel xmlns:s='urn:xmpp:sec-label:0'>\n <s:displaymarking bgcolor=\"#c9191e\" "
                  "fgcolor=\"white\"> SECRET\n</s:displaymarking> <s:label><l:level xmlns:l='urn:valise:label:0' "
                  "name=\"secret\"></l:level></s:label></s:securitylabel>"),
            "secret");
  EXPECT_EQ(found(label("SEC&#82;ET")), "secret");
}

TEST(Labels, AreNotTheSameWithAnythingElseInThem) {
  const auto text = std::string(marker);
  for (const auto& forged : {
           label(marker),
           label("SECRET " + text),
           label("secret"),
           label(""),
           label("TRÈS SECRET"),
           label("SECRET", "<level xmlns='urn:valise:label:0' name='" + text + "'/>"),
           label("SECRET", "<level xmlns='urn:valise:label:0' name='dr'/>"),
           label("SECRET", "<level xmlns='urn:valise:label:0' name='secret' note='" + text + "'/>"),
           label("SECRET", "<level xmlns='urn:valise:label:0' name='secret'>" + text + "</level>"),
           label("SECRET", "<level xmlns='urn:valise:label:0' name='secret'><x/></level>"),
           label("SECRET", "<level xmlns='urn:valise:label:1' name='secret'/>"),
           label("SECRET", "<level xmlns='urn:x' name='secret'/>"),
           label("SECRET", "<level name='secret'/>"),
           label("SECRET", text),
           label("SECRET", text + "<level xmlns='urn:valise:label:0' name='secret'/>"),
           label("SECRET", "<level xmlns='urn:valise:label:0' name='secret'/><x xmlns='urn:x'>" + text + "</x>"),
           label("SECRET",
                 "<level xmlns='urn:valise:label:0' name='secret'/>"
                 "<level xmlns='urn:valise:label:0' name='secret'/>"),
           label("SECRET", {}, " note='" + text + "'"),
           label("SECRET", {}, " xml:lang='" + text + "'"),
           label("SECRET", {}, " xmlns:m='urn:m' m:note='" + text + "'"),
           label("SECRET<b/>"),
           label("<b>SECRET</b>"),
           label("SEC<b/>RET"),
       }) {
    EXPECT_EQ(found(forged), "none") << forged;
  }
}

TEST(Labels, AreNotTheSameWithAnotherColourOrPart) {
  const auto replaced = [](std::string_view old, std::string_view now) {
    auto text = label();
    text.replace(text.find(old), old.size(), now);
    return text;
  };
  EXPECT_EQ(found(replaced("#c9191e", "red")), "none");
  EXPECT_EQ(found(replaced(" bgcolor='#c9191e'", "")), "none");
  EXPECT_EQ(found(replaced(" fgcolor='white'", "")), "none") << "§3: it would be black";
  EXPECT_EQ(found(replaced("<label>", "text<label>")), "none");
  EXPECT_EQ(found(replaced("</label>", "</label><equivalentlabel><x xmlns='urn:x'/></equivalentlabel>")), "none");
  EXPECT_EQ(found(replaced("</label>", "</label><label/>")), "none");
  EXPECT_EQ(found(replaced("<displaymarking", "<x xmlns='urn:x'/><displaymarking")), "none");
  EXPECT_EQ(found(replaced("urn:xmpp:sec-label:0", "urn:xmpp:sec-label:1")), "none");
  EXPECT_EQ(found("<securitylabel xmlns='urn:xmpp:sec-label:0'/>"), "none");
  EXPECT_EQ(found("<securitylabel xmlns='urn:xmpp:sec-label:0'><label/></securitylabel>"), "none");
  EXPECT_EQ(found("<displaymarking xmlns='urn:xmpp:sec-label:0'>SECRET</displaymarking>"), "none");
}

TEST(Labels, OfAnySizeAndDepthAreLookedAtNoDeeperThanOurs) {
  std::string deep, close;
  for (int i = 0; i < 200; ++i) {
    deep += "<securitylabel xmlns='urn:xmpp:sec-label:0'><label>";
    close += "</label></securitylabel>";
  }
  EXPECT_NE(found(deep + close), "secret");
  EXPECT_EQ(found(label(std::string(200'000, 'A'))), "none");
  std::string many;
  for (int i = 0; i < 500; ++i) many += "<level xmlns='urn:valise:label:0' name='secret'/>";
  EXPECT_EQ(found(label("SECRET", many)), "none");
}

TEST(Labels, BlackOnWhiteMayBeLeftOut) {
  const auto catalogue = made({"interne; INTERNE"});
  const auto written = catalogue->items().front().label->xml;
  EXPECT_THAT(written, HasSubstr("fgcolor='black' bgcolor='white'"));
  EXPECT_EQ(found("<securitylabel xmlns='urn:xmpp:sec-label:0'><displaymarking>INTERNE</displaymarking><label>"
                  "<level xmlns='urn:valise:label:0' name='interne'/></label></securitylabel>",
                  *catalogue),
            "interne");
}

TEST(KeptLabels, AreKnownByTheLabelAndMarkedAsItIsNow) {
  EXPECT_EQ(kept(label("ANOTHER MARKING")), label());
  EXPECT_EQ(kept(label("SECRET", "<level xmlns='urn:valise:label:0' name='gone'/>")), "none");
  EXPECT_EQ(kept("<securitylabel xmlns='urn:xmpp:sec-label:0'/>"), "none");
  EXPECT_EQ(kept("<securitylabel xmlns='urn:xmpp:sec-label:0'><label/></securitylabel>"), "none");
}

TEST(Catalogues, HoldWhatTheFileSays) {
  const auto catalogue = made({"none; Sans mention", "a; A < B & C; #000000 on aqua; Groupe|A; ess MQYCAQIGASk="});
  const auto& item = catalogue->items()[1];
  EXPECT_EQ(item.selector, "Groupe|A");
  EXPECT_EQ(item.label->xml,
            "<securitylabel xmlns='urn:xmpp:sec-label:0'><displaymarking fgcolor='#000000' bgcolor='aqua'>A &lt; B "
            "&amp; C</displaymarking><label><esssecuritylabel xmlns='urn:xmpp:sec-label:ess:0'>MQYCAQIGASk=</"
            "esssecuritylabel></label></securitylabel>");
  EXPECT_EQ(found(item.label->xml, *catalogue), "a");
}

TEST(Catalogues, SayWhatIsWrongWithAnEntry) {
  EXPECT_EQ(check_entry("fr"), "");
  EXPECT_EQ(check_entry("secret; SECRET; white on red"), "");
  for (const auto& [entry, fault] : std::vector<std::pair<std::string, std::string>>{
           {"", "NAME; MARKING"},
           {"de", "NAME; MARKING"},
           {"secret;", "NAME; MARKING"},
           {"Secret; SECRET", "a-z"},
           {"; SECRET", "a-z"},
           {"-a; SECRET", "a-z"},
           {"a; " + std::string(65, 'A'), "1 to 64 bytes"},
           {"a; A\nB", "one line"},
           {"a; A\xff", "UTF-8"},
           {"a; A\xed\xa0\x80", "UTF-8"},
           {"a; A\xc0\x80", "UTF-8"},
           {"a; A; red", "white on #c9191e"},
           {"a; A; red on rot", "no colour: \"rot\""},
           {"a; A; red on #12345", "no colour"},
           {"a; A;; B|", "nothing empty"},
           {"a; A;; |B", "nothing empty"},
           {"a; A;;; MQYCAQIGASk=", "ess BASE64"},
           {"a; A;;; ess MQ=", "ess BASE64"},
           {"a; A;;; ess", "ess BASE64"},
           {"a; A;;;; x", "at most five"},
           {"none; A; red on white", "takes a text and nothing else"},
       }) {
    EXPECT_THAT(check_entry(entry), HasSubstr(fault)) << entry;
  }
}

TEST(Catalogues, HaveEachNameAndSelectorOnce) {
  const auto fault = [](const config::Strings& entries) {
    const auto catalogue = Catalogue::make(entries);
    return catalogue ? "" : catalogue.error();
  };
  EXPECT_EQ(fault({"fr", "interne; INTERNE"}), "");
  EXPECT_EQ(fault({"fr", "dr; DR"}), "two labels \"dr\"");
  EXPECT_EQ(fault({"fr", "none; Rien"}), "two labels \"none\"");
  EXPECT_EQ(fault({"fr", "x; SECRET"}), "two labels are chosen by \"SECRET\"");
  config::Strings many(most_items, "");
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = "a" + std::to_string(i) + "; A" + std::to_string(i);
  EXPECT_EQ(fault(many), "");
  many.emplace_back("fr");
  EXPECT_EQ(fault(many), "takes at most 64 labels");
}

}  // namespace
}  // namespace valise::modules::labels
