// Options that are set and do nothing.
#include <gmock/gmock.h>

#include "config/in_vain.hpp"

namespace valise::config {
namespace {

const Option<bool> page{{.name = "page.enabled", .otherwise = false, .reason = "r", .scope = Scope::host}};
const Option<std::string> address{
    {.name = "page.url", .reason = "r", .scope = Scope::host, .needs = {{"page.enabled"}}}};
const Option<std::int64_t> rate{{.name = "page.rate", .otherwise = 60, .reason = "r", .needs = {{"page.enabled"}}}};
const Option<Strings> listen{{.name = "listen.a", .reason = "r"}};
const Option<Strings> other_listen{{.name = "listen.b", .reason = "r"}};
const Option<std::int64_t> pause{
    {.name = "web.pause", .otherwise = 1, .reason = "r", .needs = {{"listen.a"}, {"listen.b"}}}};
const Option<std::string> kind{
    {.name = "store.kind", .otherwise = "file", .reason = "r", .allowed = {"file", "network", "off"}}};
const Option<std::string> server{{.name = "store.server", .reason = "r", .needs = {{"store.kind", "network"}}}};
const Option<std::string> folder{
    {.name = "store.folder", .reason = "r", .needs = {{"store.kind", "file"}, {"store.kind", "network"}}}};
const Option<bool> lost{{.name = "lost.option", .otherwise = false, .reason = "r", .needs = {{"gone"}}}};

std::string warnings(std::string_view source) {
  static const Registry all = [] {
    Registry made;
    const OptionBase* options[] = {&page,  &address, &rate,   &listen, &other_listen,
                                   &pause, &kind,    &server, &folder, &lost};
    made.add(options);
    return made;
  }();
  const auto loaded = load_text(source, "c.lua", all);
  if (!loaded) return "load: " + loaded.error()[0].message();
  Findings findings(**loaded);
  warn_of_options_in_vain(**loaded, findings);
  std::string out;
  for (const auto& one : findings.warnings) out += one.message() + "\n";
  return out;
}

TEST(InVain, AnOptionWhoseSwitchIsOffIsNamedAtItsLine) {
  EXPECT_EQ(warnings("host['a.b'].page.enabled = false\nhost['a.b'].page.url = 'x'"),
            "c.lua:2: page.url has no effect: page.enabled is false\n");
  EXPECT_EQ(warnings("host['a.b'].page.enabled = true\nhost['a.b'].page.url = 'x'"), "");
}

TEST(InVain, ADefaultIsNoWish) { EXPECT_EQ(warnings("host['a.b'] = {} page.rate = 60 store.server = ''"), ""); }

TEST(InVain, AValueForAllIsGoodForSomethingIfItIsForOneHost) {
  const std::string two = "host['a.b'] = {} host['c.d'].page.enabled = true\n";
  EXPECT_EQ(warnings(two + "page.url = 'x'\npage.rate = 5"), "");
  EXPECT_EQ(warnings(two + "host['a.b'].page.url = 'x'"), "c.lua:2: page.url has no effect: page.enabled is false\n");
  EXPECT_EQ(warnings("host['a.b'] = {}\nhost['c.d'] = {}\npage.url = 'x'\npage.rate = 5"),
            "c.lua:3: page.url has no effect: page.enabled is false\n"
            "c.lua:4: page.rate has no effect: page.enabled is false\n");
}

TEST(InVain, OneOfSeveralIsEnough) {
  EXPECT_EQ(warnings("host['a.b'] = {}\nweb.pause = 2"),
            "c.lua:2: web.pause has no effect: listen.a is {}, listen.b is {}\n");
  EXPECT_EQ(warnings("host['a.b'] = {} web.pause = 2 listen.b = { 'x' }"), "");
}

TEST(InVain, ATextMayHaveToBeACertainOne) {
  EXPECT_EQ(warnings("host['a.b'] = {}\nstore.server = 'db'"),
            "c.lua:2: store.server has no effect: store.kind is \"file\"\n");
  EXPECT_EQ(warnings("host['a.b'] = {} store.kind = 'network' store.server = 'db' store.folder = '/'"), "");
  EXPECT_EQ(warnings("host['a.b'] = {} store.kind = 'off'\nstore.folder = '/'"),
            "c.lua:2: store.folder has no effect: store.kind is \"off\"\n");
}

TEST(InVain, ANeedThatIsNoOptionIsAProgrammersMistake) {
  EXPECT_THROW(warnings("host['a.b'] = {} lost.option = true"), std::logic_error);
}

}  // namespace
}  // namespace valise::config
