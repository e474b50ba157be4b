#include "config/load.hpp"

#include <gmock/gmock.h>

#include "test_options.hpp"

namespace valise::config::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Load, AnEmptyFileHasDefaultsAndNoHost) {
  const auto loaded = load("");
  ASSERT_TRUE(loaded);
  EXPECT_EQ((*loaded)->get(size), 256 * KiB);
  EXPECT_EQ((*loaded)->get(mode), Mode::required);
  EXPECT_EQ((*loaded)->get(listen), (Strings{"*:5222"}));
  EXPECT_TRUE((*loaded)->hosts().empty());
}

TEST(Load, ReadsEachTypeInItsUnits) {
  const auto loaded = load(R"(
    flag = true
    limits.stanza = 0.5 * MiB
    timeouts.login = minutes(1.5)
    tls.certificate = "/etc/x.pem"
    listen.c2s = { "127.0.0.1:5222", "[::1]:5222" }
    sealed.mode = "off")");
  ASSERT_TRUE(loaded) << loaded.error()[0].message();
  const auto& snapshot = **loaded;
  EXPECT_TRUE(snapshot.get(flag));
  EXPECT_EQ(snapshot.get(size), 512 * KiB);
  EXPECT_EQ(snapshot.get(login), 90);
  EXPECT_EQ(snapshot.get(certificate), "/etc/x.pem");
  EXPECT_EQ(snapshot.get(listen), (Strings{"127.0.0.1:5222", "[::1]:5222"}));
  EXPECT_EQ(snapshot.get(mode), Mode::off);
}

TEST(Load, AHostHasItsOwnValueBeforeTheServersBeforeTheDefault) {
  const auto loaded = load(R"(
    sealed.mode = "off"
    host["Example.ORG"].sealed.mode = "required"
    host["lab.example"] = {}
    host["plain.example"].tls.certificate = "/p.pem")");
  ASSERT_TRUE(loaded) << loaded.error()[0].message();
  const auto& snapshot = **loaded;
  EXPECT_EQ(snapshot.hosts(), (std::vector<std::string>{"example.org", "lab.example", "plain.example"}));
  EXPECT_EQ(snapshot.get(mode, "example.org"), Mode::required);
  EXPECT_EQ(snapshot.get(mode, "lab.example"), Mode::off);
  EXPECT_EQ(snapshot.get(certificate, "plain.example"), "/p.pem");
  EXPECT_EQ(snapshot.get(certificate, "lab.example"), "");
}

TEST(Load, OptionsCanBeReadBackAndComputedWith) {
  const auto loaded = load(R"(
    limits.stanza = 20 * KiB
    timeouts.login = limits.stanza // 1024
    local certificates = "/etc/valise/tls/"
    for _, name in ipairs { "a.example", "b.example" } do
      host[name].tls.certificate = certificates .. name .. ".pem"
    end)");
  ASSERT_TRUE(loaded) << loaded.error()[0].message();
  EXPECT_EQ((*loaded)->get(login), 20);
  EXPECT_EQ((*loaded)->get(certificate, "b.example"), "/etc/valise/tls/b.example.pem");
}

TEST(Load, AnUnknownOptionIsRefusedWithPlaceAndNearestName) {
  EXPECT_EQ(errors("\n\nsealed.mod = 'off'"),
            "conf/valise.lua:3: unknown option \"sealed.mod\"; the nearest is \"sealed.mode\"\n");
  EXPECT_THAT(errors("limit.stanza = 20000"), HasSubstr("the nearest is \"limits.stanza\""));
  EXPECT_THAT(errors("host['a.b'].tls.certificat = 'x'"), HasSubstr("the nearest is \"tls.certificate\""));
  EXPECT_EQ(errors("zzzzzzzzzzzzzzzz = 1"), "conf/valise.lua:1: unknown option \"zzzzzzzzzzzzzzzz\"\n");
}

TEST(Load, AWrongTypeNamesBoth) {
  EXPECT_EQ(errors("flag = 'yes'"), "conf/valise.lua:1: \"flag\" takes true or false, not a text\n");
  EXPECT_EQ(errors("limits.stanza = '20000'"),
            "conf/valise.lua:1: \"limits.stanza\" takes a whole number (bytes), not a text\n");
  EXPECT_THAT(errors("limits.stanza = 20000.5"), HasSubstr("not 20000.5"));
  EXPECT_THAT(errors("tls.certificate = 5"), HasSubstr("takes a text, not a number"));
  EXPECT_THAT(errors("listen.c2s = '*:1'"), HasSubstr("takes a list of texts"));
  EXPECT_THAT(errors("listen.c2s = { '*:1', 2 }"), HasSubstr("entry 2 is a number"));
  EXPECT_THAT(errors("listen.c2s = { '*:1', x = '*:2' }"), HasSubstr("without names or gaps"));
  EXPECT_THAT(errors("listen.c2s = { '*:1', '*:1' }"), HasSubstr("twice"));
  EXPECT_THAT(errors("listen.c2s = { 'a', 'b', 'c', 'd' }"), HasSubstr("0 to 3 entries, not 4"));
  EXPECT_THAT(errors("flag = nil"), HasSubstr("not nil"));
  EXPECT_THAT(errors("tls.certificate = 'a\\0b'"), HasSubstr("zero byte"));
}

TEST(Load, RangesHoldAtTheirEdgesAndAreNamed) {
  EXPECT_EQ(errors("limits.stanza = 10240"), "");
  EXPECT_EQ(errors("limits.stanza = 1 * MiB"), "");
  EXPECT_EQ(errors("limits.stanza = 10239"),
            "conf/valise.lua:1: \"limits.stanza\" is out of range: 10239 bytes; it takes 10 KiB to 1 MiB\n");
  EXPECT_THAT(errors("limits.stanza = 1 * MiB + 1"), HasSubstr("out of range"));
  EXPECT_THAT(errors("timeouts.login = hours(1)"), HasSubstr("out of range: 1 h; it takes 1 s to 10 min"));
}

TEST(Load, AnOptionInDaysTakesTheNumberAndSaysSoToWhoWritesSeconds) {
  static const Option<std::int64_t> keep{{.name = "archive.keep_days", .reason = "", .max = 36'500}};
  Registry registry;
  registry.add(keep);
  const auto fault = [&](const char* source) {
    const auto loaded = load_text(source, "c.lua", registry);
    return loaded ? std::string() : loaded.error()[0].message();
  };
  EXPECT_EQ(fault("archive.keep_days = 36500"), "");
  EXPECT_EQ(fault("archive.keep_days = 36501"),
            "c.lua:1: \"archive.keep_days\" is out of range: 36501; it takes 0 to 36500");
  EXPECT_EQ(fault("archive.keep_days = days(30)"),
            "c.lua:1: \"archive.keep_days\" is out of range: 2592000; it takes 0 to 36500; write 30, not "
            "days(30)");
}

TEST(Load, AnUnknownEnumValueNamesTheAllowedOnesAndTheNearest) {
  EXPECT_EQ(
      errors("sealed.mode = 'of'"),
      "conf/valise.lua:1: \"sealed.mode\" cannot be \"of\"; it takes \"required\", \"off\"; the nearest is \"off\"\n");
}

TEST(Load, SettingTwiceNamesBothLines) {
  EXPECT_EQ(errors("flag = true\n\nflag = true"), "conf/valise.lua:3: \"flag\" is set twice: in line 1 and here\n");
  EXPECT_EQ(errors("sealed.mode = 'off'\nhost['a.b'].sealed.mode = 'off'"), "");
  EXPECT_THAT(errors("host['a.b'].sealed.mode = 'off'\nhost['A.B'].sealed.mode = 'off'"), HasSubstr("in line 1"));
}

TEST(Load, AllErrorsAreReportedInOrder) {
  const auto loaded = load("flag = 1\nlimits.stanza = 1\nnope = 1\nsealed.mode = 'x'\ntimeouts.login = 1");
  ASSERT_FALSE(loaded);
  ASSERT_EQ(loaded.error().size(), 4u);
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(loaded.error()[i].line, i + 1);
}

TEST(Load, ErrorsEndAtAHundred) {
  const auto loaded = load("for i = 1, 1000 do nope = i end");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().size(), 101u);
  EXPECT_EQ(loaded.error().back().text, "too many errors");
}

TEST(Load, SyntaxAndRuntimeErrorsHaveTheirLine) {
  EXPECT_THAT(errors("\nflag = = 1"), StartsWith("conf/valise.lua:2: unexpected symbol"));
  EXPECT_THAT(errors("flag = true\nlocal x = nil + 1"), StartsWith("conf/valise.lua:2: attempt to perform arithmetic"));
  EXPECT_EQ(errors("timeouts.login = second(60)"),
            "conf/valise.lua:1: unknown name \"second\"; the nearest is \"seconds\"\n");
  EXPECT_EQ(errors("limits.stanza = 256 * KB"), "conf/valise.lua:1: unknown name \"KB\"; the nearest is \"KiB\"\n");
  EXPECT_THAT(errors("limits.stanza = limits"), HasSubstr("is not a value"));
  EXPECT_THAT(errors("limits.stanza = 2 * limits"), HasSubstr("\"limits\" is a group of options"));
  EXPECT_THAT(errors("error({})"), HasSubstr("an error that is a table"));
}

TEST(Load, GroupsAndHostsAreNotAssigned) {
  EXPECT_THAT(errors("limits = { stanza = 20000 }"), HasSubstr("\"limits\" is a group"));
  EXPECT_THAT(errors("host = {}"), HasSubstr("\"host\" is a group"));
  EXPECT_THAT(errors("host['a.b'] = { x = 1 }"), HasSubstr("one by one"));
  EXPECT_THAT(errors("host['a b'].sealed.mode = 'off'"), HasSubstr("not a host name"));
  EXPECT_THAT(errors("host['a@b'] = {}"), HasSubstr("not a host name"));
  EXPECT_THAT(errors("host['a.b'].listen.c2s = { '*:1' }"), HasSubstr("whole server"));
}

TEST(Load, TheSandboxHasNoWayOut) {
  for (const char* name : {"io", "os", "package", "require", "load", "loadfile", "dofile", "debug", "coroutine",
                           "collectgarbage", "setmetatable", "getmetatable", "rawset", "rawget", "xpcall", "_G"}) {
    EXPECT_THAT(errors(std::string(name) + ".x()"), HasSubstr("unknown name")) << name;
  }
  EXPECT_THAT(errors("string.dump(function() end)"), HasSubstr("dump"));
  EXPECT_THAT(errors("string.rep = 1"), HasSubstr("read-only"));
}

TEST(Load, AFileThatNeverEndsEnds) {
  EXPECT_THAT(errors("while true do end"), HasSubstr("instruction budget"));
  EXPECT_THAT(errors("local t = {} while true do t[#t + 1] = #t .. 'x' end"), HasSubstr("budget"));
  EXPECT_THAT(errors("local s = 'xxxxxxxxxxxxxxxx' while true do s = s .. s end"), HasSubstr("memory"));
}

TEST(Load, LimitsAreParameters) {
  const Registry all = registry();
  const LoadLimits few{.instructions = 1000};
  EXPECT_TRUE(load_text("for i = 1, 100 do local x = i end", "f", all, few));
  const auto loaded = load_text("for i = 1, 1000 do local x = i end", "f", all, few);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error()[0].text, HasSubstr("instruction budget"));
}

TEST(Load, AMissingFileIsAnErrorWithoutLine) {
  const Registry all = registry();
  const auto loaded = config::load("/nonexistent/valise.lua", all);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error()[0].message(), "/nonexistent/valise.lua: No such file or directory");
}

}  // namespace
}  // namespace valise::config::test
