// core::Hooks: what a module may handle has a row in the table of what passes, or it does not start.
#include "core/hooks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/iq.hpp"

namespace valise::core {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// The table of this test: rows of "seen" alone.
bool has_row(const Handled& what) { return what.module == "seen"; }
bool has_any_row(const Handled&) { return true; }

// Each function of Registrar through which something could go from one person to another.
const std::vector<std::pair<std::string, std::function<void(Registrar&)>>>& declarations() {
  static const std::vector<std::pair<std::string, std::function<void(Registrar&)>>> all{
      {"iq set, <x> in urn:x, of the account",
       [](Registrar& r) { r.iq(IqTarget::account, "set", "x", "urn:x", [](IqRequest) {}); }},
      {"iq get, what is in urn:x, of the server",
       [](Registrar& r) { r.iq(IqTarget::server, "get", "", "urn:x", [](IqRequest) {}); }},
      {"each message at the stage policy_in",
       [](Registrar& r) { r.at(Stage::policy_in, Kind::message, [](Flow&) { return Verdict(); }); }},
      {"each presence at the stage sealed",
       [](Registrar& r) { r.at(Stage::sealed, Kind::presence, [](Flow&) { return Verdict(); }); }},
      {"elements of the stream in urn:x",
       [](Registrar& r) { r.nonza("urn:x", [](Session&, xml::Element) { return true; }); }},
      {"<x> in urn:x, with which a session is bound",
       [](Registrar& r) {
         r.bind_feature("urn:x", "x", "urn:x", [](Session&, xml::Element) { return std::string(); });
       }},
      {"what each session is told when it is bound", [](Registrar& r) { r.at_bind([](Session&, BoundAnswer) {}); }},
      {"outbound_presence", [](Registrar& r) { r.outbound_presence([](Session&, Flow) {}); }},
      {"inbound_presence", [](Registrar& r) { r.inbound_presence([](Flow) {}); }},
      {"service_messages",
       [](Registrar& r) { r.service_messages([](const Stanza&) { return false; }, [](Session&, Flow) {}); }},
      {"departures", [](Registrar& r) { r.departures([](Session&, Flow&) { return false; }); }},
      {"offline_messages",
       [](Registrar& r) { r.offline_messages([](Flow&, std::vector<storage::Write>&) { return Verdict(); }); }},
  };
  return all;
}

std::string started_with(HasRow rows, std::string_view module, const std::function<void(Registrar&)>& declares) {
  Hooks hooks;
  hooks.has_row = rows;
  declares(*hooks.registrar(module));
  const auto outcome = hooks.finish();
  return outcome ? "" : outcome.error().text;
}

TEST(Hooks, AModuleWithoutARowDoesNotStart) {
  for (const auto& [what, declares] : declarations()) {
    EXPECT_EQ(started_with(&has_row, "seen", declares), "") << what;
    EXPECT_THAT(started_with(&has_row, "fake", declares),
                AllOf(HasSubstr("the module fake handles " + what), HasSubstr("the table of what passes has no row")));
  }
}

TEST(Hooks, NorDoesAnyWithoutATable) {
  for (const auto& [what, declares] : declarations()) {
    EXPECT_THAT(started_with(nullptr, "seen", declares), HasSubstr("has no row")) << what;
  }
}

TEST(Hooks, WhatCarriesNothingNeedsNoRow) {
  EXPECT_EQ(started_with(nullptr, "fake",
                         [](Registrar& r) {
                           (void)r.account_part();
                           (void)r.session_part();
                           r.on_session(SessionEvent::bound, [](Session&) {});
                         }),
            "");
}

TEST(Hooks, WhatIsDeclaredTwiceDoesNotStartEither) {
  const auto twice = [](Registrar& r) {
    for (int i = 0; i < 2; ++i) r.iq(IqTarget::account, "set", "x", "urn:x", [](IqRequest) {});
  };
  EXPECT_THAT(started_with(&has_any_row, "fake", twice), HasSubstr("is handled by fake and by fake"));
}

}  // namespace
}  // namespace valise::core
