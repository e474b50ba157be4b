#include "config/snapshot.hpp"

#include <gmock/gmock.h>

#include "test_options.hpp"

namespace valise::config::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> changes(std::string_view before, std::string_view after) {
  const auto one = load(before);
  const auto other = load(after);
  EXPECT_TRUE(one && other);
  return Snapshot::restart_needed(**one, **other);
}

TEST(RestartNeeded, NamesWhatOnlyARestartChanges) {
  EXPECT_THAT(changes("flag = true", "flag = true"), IsEmpty());
  EXPECT_THAT(changes("", "flag = false"), IsEmpty());  // set to its default: no change
  EXPECT_THAT(changes("flag = true", "flag = false"), ElementsAre("flag"));
  EXPECT_THAT(changes("timeouts.login = 5", "timeouts.login = 6"), IsEmpty());  // live
}

TEST(RestartNeeded, NamesHostsAndTheirOwnValues) {
  EXPECT_THAT(changes("host['a.b'] = {}", "host['c.d'] = {}"),
              ElementsAre("host[\"a.b\"]"));  // the new one is served at once
  EXPECT_THAT(changes("host['a.b'].tls.certificate = '/1'", "host['a.b'].tls.certificate = '/2'"),
              ElementsAre("host[\"a.b\"].tls.certificate"));
  EXPECT_THAT(changes("host['a.b'] = {} tls.certificate = '/1'", "host['a.b'] = {} tls.certificate = '/2'"),
              ElementsAre("tls.certificate"));
}

TEST(InForce, IsTheNewFileWithWhatOnlyARestartChangesAsItWas) {
  const auto before = load("flag = true timeouts.login = 5 host['a.b'].tls.certificate = '/1' host['gone.b'] = {}");
  const auto after = load("timeouts.login = 6 host['a.b'].tls.certificate = '/2' host['new.b'].tls.certificate = '/3'");
  ASSERT_TRUE(before && after);
  const auto now = Snapshot::in_force(**before, **after);
  EXPECT_TRUE(now->get(flag));
  EXPECT_EQ(now->get(login), 6);
  EXPECT_EQ(now->get(certificate, "a.b"), "/1");
  EXPECT_EQ(now->get(certificate, "new.b"), "/3");
  EXPECT_TRUE(now->has_host("gone.b"));
  // The second reload of the same file says the same: nothing of it has become true meanwhile.
  EXPECT_THAT(Snapshot::restart_needed(*now, **after),
              ElementsAre("host[\"gone.b\"]", "flag", "host[\"a.b\"].tls.certificate"));
}

TEST(Snapshot, RemembersTheLineOfEachValue) {
  const auto loaded = load("flag = true\nhost['a.b'].sealed.mode = 'off'");
  ASSERT_TRUE(loaded);
  EXPECT_EQ((*loaded)->line(flag), 1u);
  EXPECT_EQ((*loaded)->line(mode, "a.b"), 2u);
  EXPECT_EQ((*loaded)->line(size), 0u);
}

TEST(Snapshot, CanBeBuiltWithoutAFile) {
  SnapshotBuilder builder("test", {&flag, &certificate});
  builder.with(flag, true).with(certificate, std::string("/x"), "a.b");
  const auto snapshot = builder.finish();
  EXPECT_TRUE(snapshot->get(flag));
  EXPECT_EQ(snapshot->get(certificate, "a.b"), "/x");
  EXPECT_EQ(snapshot->get(size), 256 * KiB);  // not registered: its default
}

TEST(Registry, RefusesWhatTwoLayersCannotBothMean) {
  static const Option<bool> group{{.name = "limits", .reason = "r"}};
  static const Option<bool> below{{.name = "flag.x", .reason = "r"}};
  static const Option<bool> shouting{{.name = "Flag", .reason = "r"}};
  static const Option<bool> host{{.name = "host.x", .reason = "r"}};
  auto all = registry();
  EXPECT_THROW(all.add(flag), std::logic_error);
  EXPECT_THROW(all.add(group), std::logic_error);
  EXPECT_THROW(all.add(below), std::logic_error);
  EXPECT_THROW(all.add(shouting), std::logic_error);
  EXPECT_THROW(all.add(host), std::logic_error);
}

}  // namespace
}  // namespace valise::config::test
