// A policy of several files: include("file.lua").
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "policies.hpp"
#include "policy/check.hpp"
#include "policy/explain.hpp"
#include "policy/live_members.hpp"

namespace valise::policy::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Include : public testing::Test {
 protected:
  Include() {
    std::string name = testing::TempDir() + "/valise-include-XXXXXX";
    folder_ = std::string(::mkdtemp(name.data())) + "/";
    std::filesystem::create_directory(folder_ + "below");
  }
  ~Include() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, std::string_view text) {
    std::ofstream(folder_ + name) << text;
    ::chmod((folder_ + name).c_str(), 0644);
  }
  PolicySet::Loaded load(std::string_view source, const PolicyOptions& options = {}) {
    write("p.lua", source);
    return PolicySet::load_file(folder_ + "p.lua", options);
  }
  std::unique_ptr<PolicySet> sound(std::string_view source) {
    auto set = load(source);
    EXPECT_TRUE(set) << set.error().message();
    return set ? std::move(*set) : nullptr;
  }
  // Without the folder; "" if there is none.
  std::string fault_of(std::string_view source, const PolicyOptions& options = {}) {
    const auto set = load(source, options);
    return set ? std::string() : short_text(set.error().message());
  }
  std::string short_text(std::string text) const {
    for (std::size_t at; (at = text.find(folder_)) != std::string::npos;) text.erase(at, folder_.size());
    return text;
  }
  std::string folder_;
};

std::string rule(const std::string& name, const std::string& action = "Tag('t')",
                 const char* match = "Kind('message')") {
  return "rule{ name = '" + name + "', match = " + match + ", action = " + action + " }\n";
}

TEST_F(Include, RulesStandWhereTheyAreIncludedAndGlobalsAreShared) {
  write("a.lua", rule("a") + "shared = 'x@y'\ngroup{ name = 'g', members = { shared } }\n");
  write("below/b.lua", rule("b"));
  const auto set = sound(rule("first") + "include('a.lua')\ninclude('below/b.lua')\n" +
                         rule("last", "Drop()", "From(shared) + ToGroup('g')"));
  std::vector<std::string> names, places;
  for (const auto& info : set->describe()) {
    names.push_back(info.name);
    places.push_back(short_text(info.file) + ":" + std::to_string(info.line));
  }
  EXPECT_THAT(names, ElementsAre("first", "a", "b", "last"));
  EXPECT_THAT(places, ElementsAre("p.lua:1", "a.lua:1", "below/b.lua:1", "p.lua:4"));
}

TEST_F(Include, NamesAreThoseBesideTheFileThatSaysThem) {
  write("below/b.lua", "include('c.lua')\ngroup{ name = 'g', file = 'g.txt' }\nlocal l = lines('./g.txt')\n" +
                           rule("b", "Drop()", "FromGroup('g') * From(l)"));
  write("below/c.lua", rule("c"));
  write("below/g.txt", "alice@example.org\n");
  const auto set = sound("include('below/b.lua')");
  EXPECT_EQ(set->decide(message()).rule, "b");
}

TEST_F(Include, AFileIsReadOnceAndACircleIsAnError) {
  write("a.lua", rule("a"));
  write("b.lua", "include('a.lua')\ninclude('./a.lua')\n");
  EXPECT_EQ(sound("include('a.lua')\ninclude('b.lua')\ninclude('a.lua')")->describe().size(), 1u);
  write("c.lua", "\ninclude('d.lua')");
  write("d.lua", "\n\ninclude('c.lua')");
  EXPECT_EQ(fault_of("include('c.lua')"),
            "d.lua:3: \"c.lua\" is being read already: files include each other in a circle");
  EXPECT_THAT(fault_of("include('p.lua')"), HasSubstr("p.lua:1: \"p.lua\" is being read already"));
}

TEST_F(Include, EveryErrorNamesTheFileInWhichItIs) {
  const auto of = [&](const std::string& text) {
    write("a.lua", text);
    return fault_of("-- a comment\ninclude('a.lua')");
  };
  EXPECT_THAT(of("\nrule{"), HasSubstr("a.lua:2: "));
  EXPECT_EQ(of("\n\nerror('late')"), "a.lua:3: late");
  EXPECT_EQ(of("\nForm('x@y')"), "a.lua:2: unknown name \"Form\"; the nearest is \"From\"");
  EXPECT_EQ(of("\n" + rule("r", "Jump('nowhere')")), "a.lua:2: there is no chain \"nowhere\"");
  EXPECT_EQ(of("\n" + rule("r", "Drop()", "FromGroup('nobody')")), "a.lua:2: there is no group \"nobody\"");
  EXPECT_EQ(of("group{ name = 'g', includes = { 'g' } }"), "a.lua:1: group \"g\" includes itself");
  write("g.txt", "two words\n");
  EXPECT_EQ(of("group{ name = 'g', file = 'g.txt' }"), "g.txt:1: one address or domain a line");
  EXPECT_THAT(of("\nlines('gone.txt')"), HasSubstr("a.lua:2: gone.txt: No such file"));
  EXPECT_THAT(fault_of("\ninclude('gone.lua')"), HasSubstr("p.lua:2: gone.lua: No such file"));
  write("a.lua", rule("r"));
  EXPECT_EQ(fault_of("include('a.lua')\n" + rule("r")), "p.lua:2: rule \"r\" exists already, in a.lua:1");
  write("b.lua", "\n" + rule("r"));
  EXPECT_EQ(fault_of("include('a.lua')\ninclude('b.lua')"), "b.lua:2: rule \"r\" exists already, in a.lua:1");
}

TEST_F(Include, WhatFailsLaterNamesItsFileToo) {
  write("a.lua", "\n" + rule("r", "Drop()", "function(m) return m.sise end"));
  const auto set = sound("include('a.lua')");
  EXPECT_EQ(set->decide(message()).reason, Reason::policy_failed);
  EXPECT_THAT(short_text(set->last_error()), HasSubstr("a.lua:2: there is no fact \"sise\""));
  EXPECT_EQ(set->describe()[0].match, "function(a.lua:2)");
  const auto why = explain(*set, message());
  EXPECT_EQ(short_text(why.file), "a.lua");
  EXPECT_EQ(why.tried[0].file, "a.lua");
  write("b.lua", rule("late", "Drop()"));
  const auto dead = find_dead_rules(*sound(rule("all", "Allow()") + "include('b.lua')\n" + rule("later", "Drop()")));
  ASSERT_EQ(dead.size(), 2u);
  EXPECT_EQ(short_text(dead[0].message()),
            "p.lua:3: rule \"later\" can never act: rule \"all\" (line 1) before it decides on all that it matches");
  EXPECT_EQ(short_text(dead[1].message()),
            "b.lua:1: rule \"late\" can never act: rule \"all\" (p.lua:1) before it decides on all that it matches");
}

TEST_F(Include, AGroupThatIsKeptElsewhereNamesItsFile) {
  const auto of = [&](const std::string& text) {
    write("below/g.lua", text);
    return fault_of("-- a comment\ninclude('below/g.lua')");
  };
  const std::string ldap = "base = 'dc=x', filter = '(a=b)', attribute = 'mail', bind_dn = 'cn=x', ";
  EXPECT_THAT(of("\n\ngroup{ name = 'd', ldap = { base = 'dc=x' } }"), HasSubstr("below/g.lua:3: ldap has no uri: "));
  EXPECT_THAT(of("\ngroup{ name = 'd', ldap = { uri = 'ldaps://x', " + ldap + "password_file = 'p' } }"),
              HasSubstr("below/g.lua:2: ldap: ca_file: name the file"));
  write("below/g.lua", "\ngroup{ name = 'd', ldap = { uri = 'ldaps://x', " + ldap +
                           "password_file = 'p', ca_file = '../ca.pem' } }\ngroup{ name = 's', stored = true }");
  const auto set = sound("include('below/g.lua')\ngroup{ name = 'own', includes = { 'd' } }\n" +
                         rule("r", "Drop()", "FromGroup('d')"));
  std::vector<std::string> places;
  for (const auto& info : set->groups()) places.push_back(short_text(info.file) + ":" + std::to_string(info.line));
  EXPECT_THAT(places, ElementsAre("below/g.lua:2", "below/g.lua:3", "p.lua:2"));
  const auto groups = set->groups();
  EXPECT_EQ(short_text(groups[0].sources[0].search->password_file), "below/p");
  EXPECT_EQ(short_text(groups[0].sources[0].search->ca_file), "below/../ca.pem");
  EXPECT_EQ(set->decide(message()).reason, Reason::policy_failed);
  EXPECT_EQ(short_text(set->last_error()),
            "below/g.lua:2: who belongs to group \"d\" is not known now (valisectl group list)");
  EXPECT_THAT(
      fault("pcall(lines, 'x')\ngroup{ name = 'd', ldap = { uri = 'ldaps://x', " + ldap + "password_file = 'p' } }"),
      HasSubstr("p.lua:2: ldap: password_file: this policy has no folder"));
}

TEST_F(Include, FilesOfOtherFoldersAndOfOthersAreNotRead) {
  write("a.lua", rule("a"));
  for (const char* name : {"/etc/passwd", "../p.lua", "below/../../x.lua", ".."}) {
    EXPECT_THAT(fault_of("include('" + std::string(name) + "')"), HasSubstr("its own folder only")) << name;
  }
  write("below/up.lua", "include('../a.lua')");
  EXPECT_THAT(fault_of("include('below/up.lua')"), HasSubstr("its own folder only"));
  ::chmod((folder_ + "a.lua").c_str(), 0666);
  EXPECT_THAT(fault_of("include('a.lua')"), HasSubstr("others may write it"));
  EXPECT_THAT(fault("include('CMakeCache.txt')"), HasSubstr("its own folder only")) << "a policy without a folder";
}

TEST_F(Include, LimitsHoldOverAllFiles) {
  write("loop.lua", "while true do end");
  PolicyOptions options;
  options.budgets.load_us = 50'000;
  EXPECT_EQ(fault_of("include('loop.lua')", options), "loop.lua:1: the time budget is used up");
  options.budgets.load_us = 100'000'000;  // a busy machine is slow to read so many
  std::string all;
  for (int i = 0; i < 100; ++i) {
    write("n" + std::to_string(i) + ".lua", "");
    all += "include('n" + std::to_string(i) + ".lua')\n";
  }
  EXPECT_EQ(fault_of(all, options), "p.lua:100: a policy has at most 100 files");
  for (int i = 0; i < 20; ++i) {
    write("d" + std::to_string(i) + ".lua", "include('d" + std::to_string(i + 1) + ".lua')");
  }
  EXPECT_THAT(fault_of("include('d0.lua')", options), HasSubstr("at most 16 files within each other"));
}

TEST_F(Include, HalfAFileIsNoPolicy) {
  write("half.lua", rule("a") + "error('x')\n" + rule("b"));
  EXPECT_EQ(fault_of("pcall(include, 'half.lua')\n" + rule("c")), "p.lua: \"half.lua\" was not read to its end");
  write("not.lua", "rule{");
  EXPECT_EQ(fault_of("pcall(include, 'not.lua')"), "p.lua: \"not.lua\" was not read to its end");
  EXPECT_THAT(fault_of(rule("a", "function(m) include('a.lua') end") + "include('b.lua')"), HasSubstr("b.lua"));
  write("a.lua", "");
  const auto set = sound(rule("a", "function(m) include('a.lua') end"));
  EXPECT_EQ(set->decide(message()).reason, Reason::policy_failed);
}

}  // namespace
}  // namespace valise::policy::test
