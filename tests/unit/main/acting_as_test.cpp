#include <fcntl.h>
#include <gmock/gmock.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/secret_file.hpp"
#include "main/privileges.hpp"

namespace valise {
namespace {

using testing::HasSubstr;

class ActingAsAnother : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "nobody else can act as another";
    const auto found = find_user("nobody");
    ASSERT_TRUE(found && *found);
    user_ = **found;
    std::ofstream(path_) << "secret";
  }
  void TearDown() override { std::filesystem::remove(path_); }
  void give(uid_t user, gid_t group, mode_t mode) {
    ASSERT_EQ(::chown(path_.c_str(), user, group), 0);
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  Result<> as_user() {
    const ActingAs acting(user_);
    return config::check_secret_file(path_);
  }
  const std::string path_ = testing::TempDir() + "valise_acting_" + std::to_string(::getpid());
  User user_{};
};

TEST_F(ActingAsAnother, ReadsWhatThatUserCanReadAndNothingElse) {
  give(0, 0, 0600);
  EXPECT_THAT(as_user().error().text, HasSubstr("Permission denied"));
  give(0, user_.group, 0640);
  EXPECT_TRUE(as_user());
  give(user_.user, user_.group, 0600);
  EXPECT_TRUE(as_user());
  EXPECT_FALSE(config::check_secret_file(path_)) << "another's file, for root itself";
  give(user_.user + 1, user_.group, 0640);
  EXPECT_THAT(as_user().error().text, HasSubstr("belongs to"));
}

TEST_F(ActingAsAnother, EndsWithAllRightsBack) {
  give(0, 0, 0600);
  std::vector<gid_t> before(static_cast<std::size_t>(::getgroups(0, nullptr)));
  {
    const ActingAs acting(user_);
  }
  EXPECT_TRUE(config::check_secret_file(path_));
  std::vector<gid_t> after(static_cast<std::size_t>(::getgroups(0, nullptr)));
  EXPECT_EQ(before.size(), after.size());
}

}  // namespace
}  // namespace valise
