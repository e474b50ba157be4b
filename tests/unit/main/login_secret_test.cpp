#include "main/login_secret.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace valise {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class LoginSecret : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "valise-secret-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  static mode_t mode(const std::string& path) {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  }
  static void write(const std::string& path, const std::string& bytes, mode_t mode = 0600) {
    std::ofstream(path, std::ios::binary) << bytes;
    ::chmod(path.c_str(), mode);
  }

  std::string folder_;
};

TEST_F(LoginSecret, IsMadeOnceForItsOwnerOnly) {
  const auto umask_before = ::umask(0);
  const auto made = login_secret(path("state"), path("store"));
  ::umask(umask_before);
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ(made->size(), 32u);
  EXPECT_EQ(mode(path("state")), 0700u);
  EXPECT_EQ(mode(path("state/login-secret")), 0600u);
  EXPECT_EQ(*login_secret(path("state"), path("store")), *made);
  EXPECT_NE(*login_secret(path("other"), path("store")), *made);
}

TEST_F(LoginSecret, AnyBytesAreKeptAsTheyAre) {  // a line end at the end is no line end
  const auto secret = std::string(30, '\0') + "\r\n";
  write(path("login-secret"), secret);
  EXPECT_EQ(*login_secret(folder_, folder_), secret);
}

TEST_F(LoginSecret, OthersMayNeitherReadNorWriteIt) {
  for (const mode_t bad : {0604u, 0602u, 0620u, 0644u, 0666u}) {
    write(path("login-secret"), std::string(32, 'x'), bad);
    const auto read = login_secret(folder_, folder_);
    ASSERT_FALSE(read) << std::oct << bad;
    EXPECT_EQ(read.error().code, ErrorCode::denied);
    EXPECT_THAT(read.error().text, HasSubstr("chmod"));
  }
}

TEST_F(LoginSecret, AnotherSizeIsAnErrorAndNothingIsOverwritten) {
  for (const std::size_t size : {0u, 31u, 33u}) {
    write(path("login-secret"), std::string(size, 'x'));
    EXPECT_FALSE(login_secret(folder_, folder_)) << size;
    EXPECT_EQ(fs::file_size(path("login-secret")), size);
  }
}

TEST_F(LoginSecret, MovesFromBesideTheStore) {
  fs::create_directory(path("store"));
  write(path("store/login-secret"), std::string(32, 's'));
  EXPECT_EQ(*login_secret(path("state"), path("store")), std::string(32, 's'));
  EXPECT_FALSE(fs::exists(path("store/login-secret")));
  EXPECT_EQ(mode(path("state/login-secret")), 0600u);
  write(path("store/login-secret"), std::string(32, 't'));  // a stray one does not win over what is in force
  EXPECT_EQ(*login_secret(path("state"), path("store")), std::string(32, 's'));
}

TEST_F(LoginSecret, AFolderThatCannotBeThereIsAnError) {
  write(path("file"), "x");
  EXPECT_FALSE(login_secret(path("file"), path("store")));
  EXPECT_FALSE(login_secret(path("file/below"), path("store")));
  EXPECT_FALSE(login_secret(path("no/such/parent"), path("store")));
}

}  // namespace
}  // namespace valise
