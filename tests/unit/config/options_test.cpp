#include "config/options.hpp"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "config/checks.hpp"

namespace valise::config {
namespace {

using testing::HasSubstr;

const Registry& kernel() {
  static const Registry registry = [] {
    Registry made;
    made.add(kernel_options());
    return made;
  }();
  return registry;
}

class CheckTogether : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "valise_config_" + std::to_string(::getpid());
    std::filesystem::create_directories(folder_);
    write("host.pem", 0600);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, mode_t mode) {
    std::ofstream(folder_ + "/" + name) << "x\n";
    ASSERT_EQ(::chmod((folder_ + "/" + name).c_str(), mode), 0);
  }
  std::string host() const { return fmt::format("host['a.b'].tls.certificate = '{}/host.pem'\n", folder_); }

  std::string faults(const std::string& source) {
    const auto loaded = load_text(source, "c.lua", kernel());
    if (!loaded) return "load: " + loaded.error()[0].message();
    std::string out;
    for (const auto& error : check_together(**loaded).errors) out += error.message() + "\n";
    return out;
  }

  std::string folder_;
};

TEST_F(CheckTogether, AHostWithItsCertificateIsEnough) { EXPECT_EQ(faults(host()), ""); }

TEST(Options, ARateThatIsNoNumberIsToldWhatItCounts) {
  const auto loaded = load_text("limits.passwords_per_account = '20/h'", "c.lua", kernel());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error()[0].message(),
            "c.lua:1: \"limits.passwords_per_account\" takes a whole number: how many an hour, not a text");
}

TEST_F(CheckTogether, AHostMustBeDeclaredAndHaveACertificate) {
  EXPECT_THAT(faults(""), HasSubstr("no host is declared"));
  EXPECT_THAT(faults("\nhost['a.b'] = {}"), HasSubstr("c.lua:2: host \"a.b\" has no certificate"));
  EXPECT_THAT(faults(host() + "host['c.d'].sealed.mode = 'off'"),
              HasSubstr("c.lua:2: host \"c.d\" has no certificate"));
}

TEST_F(CheckTogether, AKeyThatOthersReadIsRefused) {
  write("open.pem", 0644);
  EXPECT_THAT(faults(host() + "host['a.b'].tls.key = '" + folder_ + "/open.pem'"),
              HasSubstr("c.lua:2: " + folder_ + "/open.pem: others may read this secret"));
  ::chmod((folder_ + "/host.pem").c_str(), 0644);
  EXPECT_THAT(faults(host()), HasSubstr("c.lua:1: "));  // the key stands in the certificate's file
}

TEST_F(CheckTogether, MariadbNeedsAPlaceAndOnTheNetworkItsCa) {
  EXPECT_THAT(faults(host() + "storage.backend = 'mariadb'"), HasSubstr("needs either storage.mariadb.host or"));
  EXPECT_THAT(faults(host() + "storage.backend = 'mariadb'\nstorage.mariadb.host = 'db'"),
              HasSubstr("c.lua:3: storage.mariadb.ca is missing"));
  EXPECT_EQ(faults(host() + "storage.backend = 'mariadb' storage.mariadb.socket = '/run/m.sock'"), "");
}

TEST_F(CheckTogether, WhatIsSetAndDoesNothingIsAWarning) {
  const auto loaded = load_text(host() + "tls.client_ca = '/ca.pem'\nstorage.mariadb.host = 'db'\n" +
                                    "timeouts.resumption = 0\nresumption.location = 'a.b:5222'",
                                "c.lua", kernel());
  ASSERT_TRUE(loaded);
  const auto found = check_together(**loaded);
  EXPECT_TRUE(found.errors.empty());
  std::string warnings;
  for (const auto& one : found.warnings) warnings += one.message() + "\n";
  EXPECT_THAT(warnings, HasSubstr("c.lua:2: tls.client_ca has no effect: tls.client_certificates is \"off\""));
  EXPECT_THAT(warnings, HasSubstr("c.lua:3: storage.mariadb.host has no effect: storage.backend is \"sqlite\""));
  EXPECT_THAT(warnings, HasSubstr("c.lua:5: resumption.location has no effect: timeouts.resumption is 0 s"));
}

TEST_F(CheckTogether, LimitsThatContradictEachOtherAreNamed) {
  EXPECT_THAT(faults(host() + "limits.queue = 64 * KiB"),
              HasSubstr("limits.queue must not be less than limits.stanza"));
}

TEST_F(CheckTogether, OneAddressIsListenedOnOnceHoweverItIsWritten) {
  EXPECT_THAT(faults(host() + "listen.c2s = { '*:5222', '0.0.0.0:5222' }"),
              HasSubstr("c.lua:2: listen.c2s: *:5222 and 0.0.0.0:5222 are the same address"));
  EXPECT_THAT(faults(host() + "listen.c2s = { '*:5222' }\nlisten.c2s_tls = { '0.0.0.0:5222' }"),
              HasSubstr("c.lua:3: 0.0.0.0:5222 is in listen.c2s too"));
  EXPECT_THAT(faults(host() + "listen.c2s_tls = { '0.0.0.0:5223', '[::]:5223', '*:5223' }"),
              HasSubstr("listen.c2s_tls: 0.0.0.0:5223 and *:5223"));
  EXPECT_EQ(faults(host() + "listen.c2s = { '*:5222', '[::]:5222', '*:0', '0.0.0.0:0' }"), "");
}

TEST(Options, SecurityTableIsTheDefault) {  // docs/security.md §3
  const auto loaded = load_text("", "c.lua", kernel());
  ASSERT_TRUE(loaded);
  const auto& c = **loaded;
  EXPECT_EQ(c.get(options::limits_stanza), 262'144);
  EXPECT_EQ(c.get(options::limits_stanza_before_login), 10'240);
  EXPECT_EQ(c.get(options::limits_depth), 64);
  EXPECT_EQ(c.get(options::limits_children), 10'000);
  EXPECT_EQ(c.get(options::limits_offline), 1000);
  EXPECT_EQ(c.get(options::limits_resources), 20);
  EXPECT_EQ(c.get(options::timeouts_login), 60);
  EXPECT_EQ(c.get(options::sealed_mode), SealedMode::required);
  EXPECT_TRUE(c.get(options::archive_enabled));
  EXPECT_TRUE(c.get(options::audit_enabled));
}

TEST(ListenAddress, TakesNumericAddressesOnly) {
  for (const char* good : {"127.0.0.1:5222", "[::1]:5222", "*:0", "[2001:db8::1]:65535"}) {
    EXPECT_EQ(check_listen_address(good), "") << good;
  }
  for (const char* bad : {"", "5222", "localhost:5222", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:5222x",
                          "[::1]", "[]:1", "127.0.0.1:-1", "300.0.0.1:1"}) {
    EXPECT_NE(check_listen_address(bad), "") << bad;
  }
}

TEST(HostPort, IsAHostAndMayHaveAPort) {  // XEP-0198 §3
  for (const char* good :
       {"", "xmpp.example.org", "Xmpp.example.org:5222", "192.0.2.1:5222", "[2001:db8::1]", "[::1]:1"}) {
    EXPECT_EQ(check_host_port(good), "") << good;
  }
  for (const char* bad : {"xmpp.example.org:", "a:0", "a:65536", "a:b", ":5222", "2001:db8::1", "[a]:1", "[::1", "[]",
                          "xmpp://a", "a b", "a/b", "-a", ".a", "a:1:2"}) {
    EXPECT_NE(check_host_port(bad), "") << bad;
  }
}

// What they set that a module declares.
const Option<bool> of_registration{{.name = "registration.enabled", .reason = "", .scope = Scope::host}};
const Option<bool> of_invitations{{.name = "invitations.enabled", .reason = "", .scope = Scope::host}};
const Option<bool> of_invitation_page{{.name = "invitation_page.enabled", .reason = "", .scope = Scope::host}};
const Option<std::int64_t> of_archive{{.name = "archive.keep_days", .reason = "", .scope = Scope::host}};

const Option<bool> of_omemo_devices{{.name = "omemo.notice_devices", .reason = "", .scope = Scope::host}};
const Option<std::string> of_omemo_approval{
    {.name = "omemo.approve", .otherwise = "", .reason = "", .scope = Scope::host}};

TEST(Conf, TheShippedFilesLoad) {
  Registry registry;
  registry.add(kernel_options());
  registry.add(of_registration);
  registry.add(of_invitations);
  registry.add(of_invitation_page);
  registry.add(of_archive);
  registry.add(of_omemo_devices);
  registry.add(of_omemo_approval);
  for (const char* name : {"minimal.lua", "production.lua"}) {
    const auto loaded = load(std::string(VALISE_SOURCE_DIR) + "/conf/" + name, registry);
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error()[0].message());
    if (loaded) {
      EXPECT_FALSE((*loaded)->hosts().empty()) << name;
      EXPECT_EQ((*loaded)->get(options::sealed_mode), SealedMode::required) << name;
    }
  }
}

}  // namespace
}  // namespace valise::config
