// docs/sealed.md §5: one sentence more for who uses a client that is known.
#include "modules/omemo/client_hints.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "modules/omemo/texts.hpp"

namespace valise::modules::omemo {
namespace {

constexpr std::string_view known[] = {"http://conversations.im", "https://gajim.org", "https://dino.im",
                                      "https://conversejs.org", "http://profanity-im.github.io"};

void expect_one_sentence_more(std::string_view text, std::string_view general) {
  ASSERT_TRUE(text.starts_with(general)) << text;
  const auto more = text.substr(general.size());
  EXPECT_TRUE(more.starts_with(" ") && more.ends_with(".")) << text;
  EXPECT_EQ(std::ranges::count(more, '.'), 1) << text;
  EXPECT_LE(more.size(), 80u) << "Gajim shows it in one line";
}

TEST(ClientHints, AKnownClientReadsOneSentenceMoreAndItsOwn) {
  const auto general = text_of(Reason::plaintext);
  std::set<std::string_view> seen;
  for (const auto node : known) {
    const auto text = text_for_client(node);
    expect_one_sentence_more(text.english, general.english);
    expect_one_sentence_more(text.french, general.french);
    EXPECT_TRUE(seen.insert(text.english).second) << node;
  }
}

TEST(ClientHints, AllOthersReadTheGeneralText) {
  const auto general = text_of(Reason::plaintext);
  for (const auto& node : {std::string(), std::string("https://gajim.org/"), std::string("https://gajim.or"),
                           std::string("HTTPS://GAJIM.ORG"), std::string("http://slixmpp.com/ver/1.8.3"),
                           std::string("https://gajim.org the merger is on friday"),
                           std::string("https://gajim.org\0", 18), std::string(512, 'x')}) {
    EXPECT_EQ(text_for_client(node).english, general.english) << node;
    EXPECT_EQ(text_for_client(node).french, general.french) << node;
  }
}

}  // namespace
}  // namespace valise::modules::omemo
