#include "modules/external_services/service_list.hpp"

#include <gtest/gtest.h>

namespace valise::modules::external_services {
namespace {

std::string shown(std::string_view uri) {
  const auto service = parse_service(uri);
  if (!service) return "none";
  return service->type + " " + service->host + " " + service->port + " " + service->transport;
}

TEST(ServiceList, AddressesOfRfc7064AndRfc7065AreRead) {
  EXPECT_EQ(shown("stun:stun.example.org"), "stun stun.example.org 3478 udp");
  EXPECT_EQ(shown("stuns:stun.example.org"), "stuns stun.example.org 5349 tcp");
  EXPECT_EQ(shown("turn:192.0.2.1:80?transport=tcp"), "turn 192.0.2.1 80 tcp");
  EXPECT_EQ(shown("turns:[2001:db8::1]:443"), "turns 2001:db8::1 443 tcp");
  EXPECT_EQ(shown("turn:[2001:db8::1]?transport=udp"), "turn 2001:db8::1 3478 udp");
  EXPECT_FALSE(parse_service("stun:a")->is_relay());
  EXPECT_TRUE(parse_service("turns:a")->is_relay());
}

TEST(ServiceList, AnythingElseIsNone) {
  for (const std::string_view uri : {"",
                                     "turn",
                                     "turn:",
                                     "turn::3478",
                                     "turn:a:",
                                     "turn:a:0",
                                     "turn:a:65536",
                                     "turn:a:1x",
                                     "turn:a b",
                                     "turn:a?",
                                     "turn:a?transport=",
                                     "turn:a?transport=sctp",
                                     "turn:a?x=y",
                                     "stun:a?transport=udp",
                                     "http:a",
                                     "turnx:a",
                                     "TURN:a",
                                     "turn:[::1",
                                     "turn:[]",
                                     "turn:[::1]x",
                                     "turn:[a b]:1",
                                     "turn:user@a"}) {
    EXPECT_EQ(shown(uri), "none") << uri;
    EXPECT_NE(check_service(uri), "") << uri;
  }
  EXPECT_EQ(check_service("turn:a"), "");
}

}  // namespace
}  // namespace valise::modules::external_services
