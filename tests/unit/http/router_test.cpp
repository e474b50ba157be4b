#include "http/router.hpp"

#include <gtest/gtest.h>

namespace valise::http {
namespace {

TEST(Router, takes_the_longest_path_that_fits) {
  Router router;
  ASSERT_TRUE(router.add({.methods = {Method::get}, .path = "/invite/", .handler = {}}));
  ASSERT_TRUE(router.add({.methods = {Method::get}, .path = "/invite/style.css", .handler = {}}));
  ASSERT_TRUE(router.add({.methods = {Method::post}, .path = "/http-bind", .handler = {}}));
  EXPECT_FALSE(router.add({.methods = {Method::get}, .path = "/http-bind", .handler = {}}));
  EXPECT_EQ(router.find("/invite/abc")->path, "/invite/");
  EXPECT_EQ(router.find("/invite/style.css")->path, "/invite/style.css");
  EXPECT_EQ(router.find("/http-bind")->path, "/http-bind");
  EXPECT_EQ(router.find("/http-bind/"), nullptr);
  EXPECT_EQ(router.find("/http-bin"), nullptr);
  EXPECT_EQ(router.find("/invite"), nullptr);
  EXPECT_EQ(router.find(""), nullptr);
}

TEST(Router, head_goes_where_get_goes) {
  const Route route{.methods = {Method::get}, .path = "/", .handler = {}};
  EXPECT_TRUE(takes(route, Method::head));
  EXPECT_FALSE(takes(route, Method::post));
  EXPECT_EQ(methods_of(route), "GET, HEAD, OPTIONS");
}

}  // namespace
}  // namespace valise::http
