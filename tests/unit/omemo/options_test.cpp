// sealed.allow, sealed.deny (docs/sealed.md 3.6): names of switches, by host.
#include "modules/omemo/table/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.hpp"
#include "config/options.hpp"
#include "modules/omemo/table/table.hpp"

namespace valise::modules::omemo::table {
namespace {

using testing::AllOf;
using testing::HasSubstr;

config::LoadResult load(std::string_view text) {
  static const auto registry = [] {
    config::Registry made;
    for (const auto* option : config::kernel_options()) made.add(*option);
    made.add(allow_option);
    made.add(deny_option);
    return made;
  }();
  return config::load_text(text, "valise.lua", registry);
}

std::string fault(std::string_view text) {
  const auto loaded = load(text);
  return loaded ? "" : loaded.error().front().message();
}

core::Switches of(std::initializer_list<Switch> all) {
  core::Switches out;
  for (const auto one : all) out.turned |= 1U << static_cast<unsigned>(one);
  return out;
}

TEST(SealedOptions, NothingIsTurnedByDefault) {
  const auto loaded = load("host['a.example'] = {}");
  ASSERT_TRUE(loaded) << loaded.error().front().message();
  EXPECT_EQ(switches_of(**loaded, "a.example"), core::Switches());
}

TEST(SealedOptions, EachHostHasItsOwn) {
  const auto loaded = load(R"(
    sealed.allow = { "reactions", "status" }
    sealed.deny = { "replies" }
    host["a.example"] = {}
    host["b.example"].sealed.allow = { "moods" }
    host["c.example"].sealed.allow = {}
    host["c.example"].sealed.deny = {})");
  ASSERT_TRUE(loaded) << loaded.error().front().message();
  EXPECT_EQ(switches_of(**loaded, "a.example"), of({Switch::reactions, Switch::status, Switch::replies}));
  EXPECT_EQ(switches_of(**loaded, "b.example"), of({Switch::moods, Switch::replies}));
  EXPECT_EQ(switches_of(**loaded, "c.example"), core::Switches());
}

TEST(SealedOptions, AnUnknownNameIsToldWithItsLineAndTheNearest) {
  EXPECT_THAT(fault("\nsealed.allow = { 'status', 'reaction' }"),
              AllOf(HasSubstr("valise.lua:2: "), HasSubstr("cannot be \"reaction\""),
                    HasSubstr("the nearest is \"reactions\"")));
  EXPECT_THAT(fault("host['a.example'].sealed.deny = { 'thread' }"), HasSubstr("the nearest is \"threads\""));
  EXPECT_THAT(fault("sealed.allow = { 'status', 'status' }"), HasSubstr("names \"status\" twice"));
  EXPECT_THAT(fault("sealed.allow = 'status'"), HasSubstr("takes a list of texts"));
}

// What is open can't be allowed, nor what is closed denied.
TEST(SealedOptions, EachSwitchHasOneList) {
  for (const auto& row : switches()) {
    const std::string name(row.name);
    EXPECT_EQ(fault("sealed.allow = { '" + name + "' }").empty(), !row.open) << name;
    EXPECT_EQ(fault("sealed.deny = { '" + name + "' }").empty(), row.open) << name;
  }
}

}  // namespace
}  // namespace valise::modules::omemo::table
