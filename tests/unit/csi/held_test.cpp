#include "modules/csi/held.hpp"

#include <gtest/gtest.h>

namespace {
using valise::core::Jid;
using valise::core::make_presence;
using valise::modules::csi::Held;

valise::modules::csi::Waiting about(const char* what, const char* from = "bob@x.org/a") {
  return {
      .about = what, .stanza = make_presence({}, *Jid::parse(from), *Jid::parse("alice@x.org")), .to = {}, .extra = {}};
}

TEST(Held, KeepsTheNewestAboutEachThingInTheOrderInWhichItCame) {
  Held held;
  for (const auto* what : {"a", "b", "c", "b", "a"}) held.keep(about(what));
  std::string order;
  for (const auto& one : held.take()) order += one.about;
  EXPECT_EQ(order, "cba");
  EXPECT_TRUE(held.take().empty());
}

TEST(Held, WhatReplacesCountsInsteadOfWhatItReplaced) {
  Held held;
  EXPECT_EQ(held.bytes(), 0u);
  held.keep(about("a", "bob@x.org/a-very-long-resource"));
  held.keep(about("b"));
  const auto both = held.bytes();
  for (int i = 0; i < 10; ++i) held.keep(about("b"));
  EXPECT_EQ(held.bytes(), both);
  static_cast<void>(held.take());
  EXPECT_EQ(held.bytes(), 0u);
}

}  // namespace
