// What real clients sent (tests/corpus/stanzas) passes, with its seal untouched and nothing readable left.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "modules/omemo/replay.hpp"
#include "samples.hpp"

namespace valise::modules::omemo {
namespace {
using namespace samples;

struct Recorded {
  std::string file;
  std::string text;
};

// SCENARIO--CLIENT-ACCOUNT.xml
core::Jid sender_of(const std::string& file) {
  const auto dash = file.rfind('-') + 1;
  return *core::Jid::parse(file.substr(dash, file.rfind('.') - dash) + "@localhost/x");
}

std::vector<Recorded> recorded() {
  std::vector<Recorded> out;
  for (const auto& entry : std::filesystem::directory_iterator(VALISE_SOURCE_DIR "/tests/corpus/stanzas")) {
    if (entry.path().extension() != ".xml") continue;
    std::ifstream in(entry.path());
    std::string line;
    std::string text;
    while (std::getline(in, line)) {
      if (line.starts_with("<sent ") || line.starts_with("</sent>")) continue;
      text += line;
      if (stanza_of(text)) {
        out.push_back({entry.path().filename(), std::exchange(text, {})});
      } else {
        text += "\n";
      }
    }
    EXPECT_EQ(text, "") << entry.path();
  }
  return out;
}

// All text and all attribute values outside <encrypted/>, and what stands for it in `out`.
void expect_only_form(const std::string& children, const std::string& file) {
  const auto document = xml::parse_element("<message>" + children + "</message>");
  ASSERT_TRUE(document) << file << children;
  for (const auto child : document->root().children()) {
    ASSERT_FALSE(child.is_text()) << file;
    if (child.name() == "encrypted") continue;
    if (child.name() == "body") {
      EXPECT_EQ(child.text(), "Message chiffré OMEMO / OMEMO-encrypted message");
      continue;
    }
    EXPECT_FALSE(child.has_visible_text() && child.name() != "thread") << file << children;
  }
}

TEST(Corpus, EveryMessagePasses) {
  std::size_t sealed = 0;
  std::size_t control = 0;
  for (const auto& [file, text] : recorded()) {
    const auto stanza = stanza_of(text);
    stanza->from = sender_of(file);
    if (stanza->kind != core::Kind::message || stanza->is_error()) continue;
    const auto id = stanza->id;
    const auto type = stanza->type;
    canonicalise(*stanza);
    EXPECT_EQ(stanza->id, id) << text;
    EXPECT_EQ(stanza->type, type) << text;
    const auto result = rebuild_message(*stanza);
    EXPECT_FALSE(result.refused) << file << ": " << result.detail << "\n" << text;
    expect_only_form(result.children, file);
    // Once more is the same: what waits in the store is checked again when it is delivered.
    auto copy = message_of(result.children, type.empty() ? "normal" : type);
    copy->from = stanza->from;
    copy->to = stanza->to;
    const auto again = rebuild_message(*copy);
    EXPECT_FALSE(again.refused) << file << text;
    EXPECT_EQ(again.children, result.children);
    if (result.seal.form == core::Seal::Form::none) {
      ++control;
      continue;
    }
    ++sealed;
    for (const auto child : stanza->root().children()) {
      if (child.name() == "encrypted") EXPECT_NE(result.children.find(child.raw()), std::string::npos) << file;
    }
  }
  EXPECT_GE(sealed, 50u);
  EXPECT_GE(control, 50u);
}

// docs/sealed.md D3.
TEST(Corpus, NoClientUsesAHeaderForTwoPayloads) {
  Replay replay;
  std::size_t seals = 0;
  for (const auto& [file, text] : recorded()) {
    const auto stanza = stanza_of(text);
    stanza->from = sender_of(file);
    if (stanza->kind != core::Kind::message || stanza->is_error() || !stanza->to) continue;
    const auto result = rebuild_message(*stanza);
    seals += result.envelope_count;
    const auto scenario = file.substr(0, file.find("--"));  // the same people wrote in several
    const auto* why = replay.check(scenario + std::string(stanza->from.bare()), stanza->to->full(), stanza->id,
                                   result.seals(), 1'000);
    EXPECT_EQ(why, nullptr) << file << ": " << why << "\n" << text;
  }
  EXPECT_GE(seals, 50u);
}

TEST(Corpus, EveryPresenceKeepsItsCapsAndIsStable) {
  std::size_t seen = 0;
  for (const auto& [file, text] : recorded()) {
    const auto stanza = stanza_of(text);
    if (stanza->kind != core::Kind::presence) continue;
    ++seen;
    const auto once = rebuild_presence(*stanza);
    const auto caps = stanza->root().child("c", "http://jabber.org/protocol/caps");
    EXPECT_EQ(once.find("<c ") != std::string::npos, static_cast<bool>(caps)) << file << text;
    EXPECT_EQ(rebuild_presence(*stanza_of("<presence>" + once + "</presence>")), once);
  }
  EXPECT_GE(seen, 30u);
}

TEST(Corpus, NoRequestBetweenPeopleIsLost) {
  for (const auto& [file, text] : recorded()) {
    const auto stanza = stanza_of(text);
    if (stanza->kind != core::Kind::iq || !stanza->to || !stanza->to->has_local()) continue;
    if (stanza->to->domain().starts_with("conference.") || stanza->to->domain().starts_with("rooms.")) continue;
    if (stanza->type == "get") EXPECT_TRUE(rebuild_request(*stanza)) << file << text;
  }
}

// XEP-0115 §5.4: who asks computes the hash of what comes back.
TEST(Corpus, WhatClientsSayOfThemselvesIsKeptWhole) {
  std::size_t seen = 0;
  for (const auto& [file, text] : recorded()) {
    const auto stanza = stanza_of(text);
    const auto query = stanza->payload();
    if (stanza->kind != core::Kind::iq || stanza->type != "result" ||
        query.ns() != "http://jabber.org/protocol/disco#info")
      continue;
    std::string whole;
    xml::append_tree(whole, query, "jabber:client");
    const auto kept = rebuild_answer(*stanza);
    ASSERT_TRUE(kept) << file << text;
    std::string compared;
    for (std::size_t i = 0; i < whole.size(); ++i) {  // Dino's log is indented
      if (whole[i] != '\n' && (whole[i] != ' ' || compared.empty() || compared.back() != '>')) compared += whole[i];
    }
    const auto before = xml::parse_element(compared), after = xml::parse_element(*kept);
    ASSERT_TRUE(before && after);
    const auto count = [](xml::Element top) {
      std::size_t nodes = 0, attributes = 0;
      for (auto i = top.index(); i < top.document()->node(top.index()).end; ++i) {
        const xml::Element node(top.document(), i);
        ++nodes;
        if (!node.is_text()) attributes += node.attribute_count();
      }
      return std::pair(nodes, attributes);
    };
    EXPECT_EQ(count(before->root()), count(after->root())) << file << compared << "\n" << *kept;
    ++seen;
  }
  EXPECT_GE(seen, 30u);
}

}  // namespace
}  // namespace valise::modules::omemo
