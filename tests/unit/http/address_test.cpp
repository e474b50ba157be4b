#include "http/address.hpp"

#include <gtest/gtest.h>

namespace valise::http {
namespace {

Networks networks(std::initializer_list<const char*> texts) {
  Networks out;
  for (const auto* text : texts) EXPECT_TRUE(out.add(text)) << text;
  return out;
}

Request with(std::string name, std::string value) {
  Request request;
  request.fields.emplace_back(std::move(name), std::move(value));
  return request;
}

const auto proxies = [] { return networks({"127.0.0.1", "10.1.0.0/16", "2001:db8::/32"}); };

TEST(Networks, hold_what_their_prefix_says) {
  const auto some = networks({"10.1.0.0/16", "192.0.2.7", "2001:db8::/33"});
  EXPECT_TRUE(some.contains("10.1.255.3"));
  EXPECT_TRUE(some.contains("::ffff:10.1.0.1"));
  EXPECT_FALSE(some.contains("10.2.0.1"));
  EXPECT_TRUE(some.contains("192.0.2.7"));
  EXPECT_FALSE(some.contains("192.0.2.8"));
  EXPECT_TRUE(some.contains("2001:db8:7fff::1"));
  EXPECT_FALSE(some.contains("2001:db8:8000::1"));
  EXPECT_FALSE(some.contains("nonsense"));
  EXPECT_TRUE(networks({"0.0.0.0/0"}).contains("203.0.113.9"));
  EXPECT_FALSE(networks({"0.0.0.0/0"}).contains("2001:db8::1"));
}

TEST(Networks, refuse_what_may_have_been_meant_otherwise) {
  for (const auto* text : {"10.1.0.1/16", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x", "localhost", "", "/8",
                           "10.0.0.0/8/8", "10.0.0.0/-1"}) {
    EXPECT_FALSE(Networks().add(text)) << text;
  }
}

TEST(ClientOf, is_the_last_address_that_is_no_proxy) {
  const auto of = [](std::string value) {
    return client_of(with("x-forwarded-for", std::move(value)), ProxyField::x_forwarded_for, proxies());
  };
  EXPECT_EQ(of("203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(of("198.51.100.1, 203.0.113.9"), "203.0.113.9");            // what stands before came from the client
  EXPECT_EQ(of("198.51.100.1, 203.0.113.9, 10.1.2.3"), "203.0.113.9");  // two proxies
  EXPECT_EQ(of("203.0.113.9:4711"), "203.0.113.9");
  EXPECT_EQ(of("[2a00::7]:4711"), "2a00::7");
  EXPECT_EQ(of("::ffff:203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(of("10.1.2.3"), "10.1.2.3");  // a client in the proxies' own network
  EXPECT_EQ(of("203.0.113.9, nonsense"), std::nullopt);
  EXPECT_EQ(of("203.0.113.9, nonsense, 10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(of(""), std::nullopt);
}

TEST(ClientOf, believes_one_field_only) {
  auto request = with("x-forwarded-for", "203.0.113.9");
  request.fields.emplace_back("forwarded", "for=198.51.100.1;proto=https");
  EXPECT_EQ(client_of(request, ProxyField::x_forwarded_for, proxies()), "203.0.113.9");
  EXPECT_EQ(client_of(request, ProxyField::forwarded, proxies()), "198.51.100.1");
}

TEST(ClientOf, reads_the_standard_field) {
  const auto of = [](std::string value) {
    return client_of(with("forwarded", std::move(value)), ProxyField::forwarded, proxies());
  };
  EXPECT_EQ(of("for=192.0.2.60;proto=http;by=203.0.113.43"), "192.0.2.60");
  EXPECT_EQ(of("for=192.0.2.43, For=\"[2001:db9:cafe::17]:4711\""), "2001:db9:cafe::17");
  EXPECT_EQ(of("for=192.0.2.43, for=_hidden"), std::nullopt);
  EXPECT_EQ(of("proto=https"), std::nullopt);
}

TEST(SchemeOf, is_what_the_nearest_proxy_says) {
  EXPECT_EQ(scheme_of(with("x-forwarded-proto", "http, https"), ProxyField::x_forwarded_for), "https");
  EXPECT_EQ(scheme_of(with("forwarded", "for=1.2.3.4;proto=HTTP"), ProxyField::forwarded), "http");
  EXPECT_EQ(scheme_of(Request{}, ProxyField::forwarded), "");
}

TEST(Origin, has_one_form) {
  EXPECT_EQ(parse_origin("HTTPS://Chat.Example.ORG:443"), "https://chat.example.org");
  EXPECT_EQ(parse_origin("https://chat.example.org:5281"), "https://chat.example.org:5281");
  EXPECT_EQ(parse_origin("http://[::1]:80"), "http://[::1]");
  EXPECT_EQ(parse_origin("https://[::1]"), "https://[::1]");
  for (const auto* text : {"null", "", "https://", "chat.example.org", "https://a/b", "https://a:99999", "https://a b",
                           "https://a\r\nX: y", "https://a@b"}) {
    EXPECT_EQ(parse_origin(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace valise::http
