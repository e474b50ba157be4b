#include "net/tls/local_ca.hpp"

#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "net/tls/certificate.hpp"
#include "tls_pair.hpp"

namespace valise::net {
namespace {

using LocalCaTest = TlsFolder;

mode_t mode_of(const std::string& file) {
  struct stat status{};
  EXPECT_EQ(stat(file.c_str(), &status), 0);
  return status.st_mode & 0777;
}

TEST_F(LocalCaTest, KeysAreForTheOwnerAlone) {
  const auto files = host("example.com");
  EXPECT_EQ(mode_of(files.key_file), 0600u);
  EXPECT_EQ(mode_of(path("ca/ca.key")), 0600u);
  EXPECT_EQ(mode_of(path("ca")), 0700u);
}

TEST_F(LocalCaTest, IsMadeOnceAndReadThen) {
  const auto before = load_key_pair("ca", path("ca/ca.crt"), path("ca/ca.key"));
  const auto again = LocalCa::open(path("ca"));
  ASSERT_TRUE(again) << again.error().text;
  const auto after = load_key_pair("ca", path("ca/ca.crt"), path("ca/ca.key"));
  EXPECT_EQ(before->info.sha256, after->info.sha256);
}

TEST_F(LocalCaTest, HalfACaIsRefused) {
  std::filesystem::remove(path("ca/ca.crt"));
  const auto opened = LocalCa::open(path("ca"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::conflict);
}

TEST_F(LocalCaTest, AHostsCertificateIsNoCa) {
  const auto files = host("example.com");
  std::filesystem::copy(files.certificate_file, path("ca/ca.crt"), std::filesystem::copy_options::overwrite_existing);
  std::filesystem::copy(files.key_file, path("ca/ca.key"), std::filesystem::copy_options::overwrite_existing);
  const auto opened = LocalCa::open(path("ca"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::invalid);
}

TEST_F(LocalCaTest, NamesAndAddressesAreCovered) {
  ASSERT_TRUE(ca_->issue({{"example.com", "*.example.com", "127.0.0.1", "::1"}, path("h.crt"), path("h.key")}));
  const auto pair = load_key_pair("chat.example.com", path("h.crt"), path("h.key"));
  ASSERT_TRUE(pair);
  EXPECT_TRUE(pair->info.covers_host);
  EXPECT_EQ(X509_check_host(pair->certificate.get(), "example.com", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(pair->certificate.get(), "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(pair->certificate.get(), "::1", 0), 1);
  EXPECT_NE(X509_check_host(pair->certificate.get(), "example.net", 0, 0, nullptr), 1);
}

TEST_F(LocalCaTest, NamesThatWouldBeReadAsMoreThanNamesAreRefused) {
  for (const auto* name : {"", "a,DNS:b", "a b", "é.example", "email:x", ".a", "-a", "a\nb"}) {
    EXPECT_FALSE(ca_->issue({{name}, path("h.crt"), path("h.key")})) << name;
  }
  EXPECT_FALSE(ca_->issue({{}, path("h.crt"), path("h.key")}));
  EXPECT_FALSE(ca_->issue({{"example.com"}, path("h.crt"), path("h.key"), 0}));
  EXPECT_FALSE(ca_->issue({{"example.com"}, path("h.crt"), path("h.key"), 3'651}));
}

TEST_F(LocalCaTest, TwoCertificatesNeverShareSerialOrKey) {
  const auto first = load_key_pair("a.example", host("a.example").certificate_file, path("a.example.key"));
  const auto second = load_key_pair("a.example", host("a.example").certificate_file, path("a.example.key"));
  ASSERT_TRUE(first && second);
  EXPECT_NE(ASN1_INTEGER_cmp(X509_get0_serialNumber(first->certificate.get()),
                             X509_get0_serialNumber(second->certificate.get())),
            0);
  EXPECT_NE(EVP_PKEY_eq(first->key.get(), second->key.get()), 1);
}

TEST_F(LocalCaTest, AFolderThatCannotBeWrittenIsNamed) {
  const auto issued = ca_->issue({{"example.com"}, path("none/h.crt"), path("none/h.key")});
  ASSERT_FALSE(issued);
  EXPECT_NE(issued.error().text.find("none/h.key"), std::string::npos);
}

}  // namespace
}  // namespace valise::net
