#include "config/secret_file.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace valise::config {
namespace {

using testing::HasSubstr;

class SecretFile : public testing::Test {
 protected:
  void SetUp() override { path_ = testing::TempDir() + "valise_secret_" + std::to_string(::getpid()); }
  void TearDown() override { std::filesystem::remove_all(path_); }
  void write(std::string_view text, mode_t mode) {
    std::ofstream(path_) << text;
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  std::string path_;
};

TEST_F(SecretFile, IsReadWithoutItsFinalLineEnd) {
  write("hunter2 \r\n", 0600);
  EXPECT_EQ(read_secret_file(path_).value(), "hunter2 ");
  write("a\n\n", 0640);
  EXPECT_EQ(read_secret_file(path_).value(), "a\n");
}

TEST_F(SecretFile, IsRefusedWhenOthersReadOrWriteIt) {
  for (const mode_t mode : {0604, 0644, 0602, 0620, 0666}) {
    write("x", mode);
    const auto checked = check_secret_file(path_);
    ASSERT_FALSE(checked) << std::oct << mode;
    EXPECT_EQ(checked.error().code, ErrorCode::denied);
    EXPECT_THAT(checked.error().text, HasSubstr("chmod"));
    EXPECT_FALSE(read_secret_file(path_));
  }
}

TEST_F(SecretFile, MustBeARegularFileOfBoundedLength) {
  EXPECT_EQ(check_secret_file(path_).error().code, ErrorCode::not_found);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);  // must not hang
  EXPECT_EQ(check_secret_file(path_).error().code, ErrorCode::denied);
  std::filesystem::remove(path_);
  write("12345", 0600);
  EXPECT_TRUE(read_secret_file(path_, 5));
  EXPECT_EQ(read_secret_file(path_, 4).error().code, ErrorCode::limit);
}

TEST_F(SecretFile, ATrustedFileMayBeReadByAllButNotWritten) {
  write("x", 0644);
  EXPECT_TRUE(read_trusted_file(path_, 10));
  write("x", 0646);
  EXPECT_EQ(read_trusted_file(path_, 10).error().code, ErrorCode::denied);
}

}  // namespace
}  // namespace valise::config
