#include "modules/invitation_page/clients.hpp"

#include <gtest/gtest.h>

namespace valise::modules::invitation_page {
namespace {

TEST(InvitationClient, IsReadFromItsLine) {
  const auto client = parse_client("Monal; ios, macos; https://monal-im.org/; registers");
  ASSERT_TRUE(client);
  EXPECT_EQ(client->name, "Monal");
  EXPECT_EQ(client->url, "https://monal-im.org/");
  EXPECT_TRUE(client->runs(Platform::ios) && client->runs(Platform::macos) && !client->runs(Platform::android));
  EXPECT_TRUE(client->registers);
  EXPECT_FALSE(parse_client("Dino;linux;https://dino.im")->registers);
}

TEST(InvitationClient, WhatIsWrittenOtherwiseIsNone) {
  for (const auto* wrong :
       {"", "Dino", "Dino; linux", "Dino; linux ;", "; linux; https://dino.im", "Dino; ; https://dino.im",
        "Dino; beos; https://dino.im", "Dino; linux, linux; https://dino.im", "Dino; linux; http://dino.im",
        "Dino; linux; https://", "Dino; linux; https:///x", "Dino; linux; javascript:alert(1)",
        "Dino; linux; https://dino.im/\"onclick=", "Dino; linux; https://dino.im/<", "Dino; linux; https://a b",
        "Dino; linux; https://dino.im; writes", "Dino; linux; https://dino.im; registers; more",
        "Di\nno; linux; https://dino.im"}) {
    EXPECT_FALSE(parse_client(wrong)) << wrong;
  }
  EXPECT_TRUE(parse_client(std::string(64, 'a') + "; web; https://a.example"));
  EXPECT_FALSE(parse_client(std::string(65, 'a') + "; web; https://a.example"));
  EXPECT_FALSE(parse_client("a; web; https://" + std::string(300, 'a')));
}

TEST(InvitationPlatform, TheBrowserSaysOnWhatItRuns) {
  const auto is = [](const char* user_agent) { return platform_of(user_agent); };
  EXPECT_EQ(is("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/130"), Platform::android);
  EXPECT_EQ(is("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Safari"), Platform::ios);
  EXPECT_EQ(is("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari"), Platform::macos);
  EXPECT_EQ(is("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edg/130"), Platform::windows);
  EXPECT_EQ(is("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Firefox/130"), Platform::linux);
  EXPECT_EQ(is("Mozilla/5.0 (X11; CrOS x86_64) Chrome"), Platform::web);
  EXPECT_EQ(is("curl/8"), Platform::unknown);
  EXPECT_EQ(is(""), Platform::unknown);
}

}  // namespace
}  // namespace valise::modules::invitation_page
