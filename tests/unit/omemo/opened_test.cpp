// What the switches of docs/sealed-table.md let in, and what they do not.
#include "modules/omemo/table/opened.hpp"

#include <gtest/gtest.h>

#include "../pep/support.hpp"

namespace valise::modules::omemo::table {
namespace {

using pep::testing::Xml;
using Append = bool (*)(std::string&, xml::Element);

// What is written, or "no"; of what is refused nothing is written.
std::string of(Append append, std::string_view element) {
  std::string out;
  if (append(out, Xml(element))) return out;
  EXPECT_EQ(out, "") << element;
  return "no";
}

TEST(Opened, AnEmojiIsOneOfUnicodesOwn) {
  for (const auto* emoji : {"👍", "❤️", "❤", "😀", "👍🏽", "🇫🇷", "👩‍💻", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "1️⃣", "☑️",
                            "👨‍👩‍👧‍👦"}) {
    EXPECT_TRUE(is_emoji(emoji)) << emoji;
  }
  for (const auto* other :
       {"", "a", "1", "ok", "👍👍", "👍 ", " 👍", ":)", "é", "👍a", "🇫", "\xff", "the merger", "1\xef\xb8\x8f"}) {
    EXPECT_FALSE(is_emoji(other)) << other;
  }
}

std::string reactions(std::string_view inner, std::string_view attributes = " id='m0'") {
  return "<reactions xmlns='urn:xmpp:reactions:0'" + std::string(attributes) + ">" + std::string(inner) +
         "</reactions>";
}

TEST(Opened, ReactionsAreFewDifferentEmoji) {
  std::string eight;
  for (const auto* emoji : {"👍", "❤️", "😀", "👎", "🎉", "😢", "😮", "😡"}) {
    eight += "<reaction>" + std::string(emoji) + "</reaction>";
  }
  EXPECT_EQ(of(&append_reactions, reactions(eight)), reactions(eight));
  for (const auto& inner :
       {eight + "<reaction>🚀</reaction>", std::string("<reaction>👍</reaction><reaction>👍</reaction>"),
        std::string("<reaction>see you</reaction>"), std::string("<reaction>👍</reaction>see you"),
        std::string("<reaction>👍</reaction><x/>"), std::string("<reaction>👍<x/></reaction>"),
        std::string("<reaction xmlns='urn:x'>👍</reaction>"), std::string(), std::string("<reaction/>")}) {
    EXPECT_EQ(of(&append_reactions, reactions(inner)), "no") << inner;
  }
  for (const auto* attributes : {"", " id=''", " id='see you'"}) {
    EXPECT_EQ(of(&append_reactions, reactions("<reaction>👍</reaction>", attributes)), "no") << attributes;
  }
  EXPECT_EQ(of(&append_reactions, "<other xmlns='urn:xmpp:reactions:0' id='m0'><reaction>👍</reaction></other>"), "no");
}

TEST(Opened, ASubjectIsOneShortLine) {
  const auto subject = [](const std::string& text) { return "<subject>" + text + "</subject>"; };
  std::string hundred;
  for (int i = 0; i < 100; ++i) hundred += "é";
  EXPECT_EQ(of(&append_subject, subject(hundred)), subject(hundred));
  for (const auto& text :
       {hundred + "x", std::string(), std::string("a\nb"), std::string("a<b/>"), std::string("<b/>")}) {
    EXPECT_EQ(of(&append_subject, subject(text)), "no") << text;
  }
}

TEST(Opened, ALinkIsAnAddressWithoutAKey) {
  const auto link = [](const std::string& url) { return "<x xmlns='jabber:x:oob'><url>" + url + "</url></x>"; };
  EXPECT_EQ(of(&append_link, link("https://a.example/f?g=1")), link("https://a.example/f?g=1"));
  for (const auto& url : {std::string("aesgcm://a.example/f#00ff"), std::string("https://a.example/f#00ff"),
                          std::string("http://a.example/"), std::string("https://me@a.example/"),
                          std::string("https://a.example/see you"), std::string("see you"), std::string(),
                          "https://" + std::string(505, 'a'), std::string("https://a.example/é")}) {
    EXPECT_EQ(of(&append_link, link(url)), "no") << url;
  }
  EXPECT_EQ(of(&append_link, "<x xmlns='jabber:x:oob'/>"), "no");
  EXPECT_EQ(of(&append_link, "<query xmlns='jabber:x:oob'><url>https://a.example/f</url></query>"), "no");
}

TEST(Opened, ALocationIsNumbers) {
  const auto place = [](const std::string& inner) {
    return "<geoloc xmlns='http://jabber.org/protocol/geoloc'" + (inner.empty() ? "/>" : ">" + inner + "</geoloc>");
  };
  EXPECT_EQ(of(&append_location, place("<lat>48.8</lat><lon>+2</lon>")), place("<lat>48.8</lat><lon>+2</lon>"));
  EXPECT_EQ(of(&append_location, place("")), place("")) << "not shared any more";
  EXPECT_EQ(of(&append_location, place("<lat>48.8</lat><lon>2</lon><alt>see you</alt><country>see you</country>"
                                       "<timestamp>see-you-at-five-T</timestamp><speed>1.2.3</speed>")),
            place("<lat>48.8</lat><lon>2</lon>"));
  for (const auto* inner : {"<lat>48.8</lat>", "<text>see you</text>", "<lat>see you</lat><lon>2</lon>",
                            "<lat>48.8</lat><lon>2</lon>see you", "<lat>48.8</lat><lon>12345678901234567</lon>"}) {
    EXPECT_EQ(of(&append_location, place(inner)), "no") << inner;
  }
}

TEST(Opened, ANicknameIsOneShortLine) {
  const auto nick = [](const std::string& text) {
    return "<nick xmlns='http://jabber.org/protocol/nick'>" + text + "</nick>";
  };
  EXPECT_EQ(of(&append_nickname, nick(std::string(64, 'n'))), nick(std::string(64, 'n')));
  for (const auto& text : {std::string(65, 'n'), std::string(), std::string("a\nb"), std::string("a<b/>")}) {
    EXPECT_EQ(of(&append_nickname, nick(text)), "no") << text;
  }
}

TEST(Opened, MarkupIsNumbersAndKinds) {
  const auto markup = [](const std::string& inner) {
    return "<markup xmlns='urn:xmpp:markup:0'" + (inner.empty() ? "/>" : ">" + inner + "</markup>");
  };
  const std::string whole =
      "<span start='0' end='5'><code/><strong/></span><bcode start='1' end='2'/><bquote start='1' end='2'/>"
      "<list start='0' end='9'><li start='0'/><li start='4'/></list>";
  EXPECT_EQ(of(&append_markup, markup(whole)), markup(whole));
  EXPECT_EQ(
      of(&append_markup, markup("see you<span start='see' end='you'/><see/><span start='1' end='2' see='you'>you<see/>"
                                "</span><li start='1'/>")),
      markup("<span start='1' end='2'/>"));
  std::string many;
  for (std::size_t i = 0; i <= most_spans; ++i) many += "<span start='1' end='2'/>";
  EXPECT_EQ(of(&append_markup, markup(many)), "no");
  std::string points;
  for (std::size_t i = 0; i < most_spans; ++i) points += "<li start='1'/>";
  EXPECT_EQ(of(&append_markup, markup("<list start='0' end='9'>" + points + "</list>")), "no");
}

TEST(Opened, AStatusIsOneShortLine) {
  const auto status = [](const std::string& text, const std::string& attributes = {}) {
    return "<status" + attributes + ">" + text + "</status>";
  };
  EXPECT_EQ(of(&append_status, status(std::string(256, 's'), " xml:lang='fr'")),
            status(std::string(256, 's'), " xml:lang='fr'"));
  EXPECT_EQ(of(&append_status, status("s", " xml:lang='see you'")), status("s"));
  for (const auto& text : {std::string(257, 's'), std::string(), std::string("a\nb"), std::string("a<b/>")}) {
    EXPECT_EQ(of(&append_status, status(text)), "no") << text;
  }
}

TEST(Opened, AMoodIsANameOfTheList) {
  const auto mood = [](const std::string& inner) {
    return "<mood xmlns='http://jabber.org/protocol/mood'" + (inner.empty() ? "/>" : ">" + inner + "</mood>");
  };
  EXPECT_EQ(of(&append_mood, mood("<happy/>")), mood("<happy/>"));
  EXPECT_EQ(of(&append_mood, mood("")), mood("")) << "nothing to tell any more";
  EXPECT_EQ(of(&append_mood, mood("<text>see you</text><happy>see you<x/></happy><sad/>")), mood("<happy/>"));
  for (const auto* inner : {"<see_you/>", "<text>see you</text>", "<happy/>see you", "<happy xmlns='urn:x'/>"}) {
    EXPECT_EQ(of(&append_mood, mood(inner)), "no") << inner;
  }
}

TEST(Opened, AnActivityIsTwoNamesOfTheList) {
  const auto activity = [](const std::string& inner) {
    return "<activity xmlns='http://jabber.org/protocol/activity'" +
           (inner.empty() ? "/>" : ">" + inner + "</activity>");
  };
  EXPECT_EQ(of(&append_activity, activity("<working><writing/></working>")), activity("<working><writing/></working>"));
  EXPECT_EQ(of(&append_activity, activity("<working><see_you/><text>see you</text></working><text>see you</text>")),
            activity("<working/>"));
  for (const auto* inner : {"<see_you/>", "<writing/>", "<working/>see you"}) {
    EXPECT_EQ(of(&append_activity, activity(inner)), "no") << inner;
  }
}

TEST(Opened, ATuneIsShortLinesAndNumbers) {
  const auto tune = [](const std::string& inner) {
    return "<tune xmlns='http://jabber.org/protocol/tune'" + (inner.empty() ? "/>" : ">" + inner + "</tune>");
  };
  EXPECT_EQ(of(&append_tune, tune("<artist>A</artist><title>T</title><length>300</length>")),
            tune("<artist>A</artist><title>T</title><length>300</length>"));
  EXPECT_EQ(of(&append_tune, tune("<uri>https://a.example/</uri><rating>see you</rating><x>see you</x>")), tune(""));
  for (const auto& inner : {"<title>" + std::string(129, 't') + "</title>", std::string("<title>a\nb</title>"),
                            std::string("<title>a<b/></title>"), std::string("see you")}) {
    EXPECT_EQ(of(&append_tune, tune(inner)), "no") << inner;
  }
}

TEST(Opened, WrittenAnewTwiceIsTheSame) {
  for (const auto& [append, element] : std::vector<std::pair<Append, std::string>>{
           {&append_reactions, reactions("<reaction>👍</reaction> <reaction>❤</reaction>")},
           {&append_subject, "<subject>a &amp; b</subject>"},
           {&append_status, "<status xml:lang='fr'>a &lt; b</status>"},
           {&append_tune, "<tune xmlns='http://jabber.org/protocol/tune'><title>&amp;</title></tune>"}}) {
    const auto once = of(append, element);
    EXPECT_EQ(of(append, once), once);
  }
}

}  // namespace
}  // namespace valise::modules::omemo::table
