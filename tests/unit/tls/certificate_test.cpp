#include "net/tls/certificate.hpp"

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "tls_pair.hpp"

namespace valise::net {
namespace {

class Certificate : public TlsFolder {
 protected:
  Result<KeyPair> load(const HostCertificate& files) const {
    return load_key_pair(files.host, files.certificate_file, files.key_file);
  }
  static std::string read(const std::string& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void expect_refused(const Result<KeyPair>& result, ErrorCode code, const std::string& part) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, code) << result.error().text;
    EXPECT_NE(result.error().text.find(part), std::string::npos) << result.error().text;
  }
};

TEST_F(Certificate, TellsDatesNamesAndFingerprint) {
  const auto pair = load(host("example.com"));
  ASSERT_TRUE(pair) << pair.error().text;
  EXPECT_EQ(pair->chain.size(), 1u);
  EXPECT_EQ(pair->info.host, "example.com");
  EXPECT_EQ(pair->info.subject, "CN=example.com");
  EXPECT_TRUE(pair->info.issuer.starts_with("CN=Valise local CA "));
  EXPECT_TRUE(pair->info.covers_host);
  EXPECT_EQ(pair->info.sha256.size(), 64u);
  EXPECT_EQ(pair->info.not_after_ms - pair->info.not_before_ms, (825LL * 86'400 + 3'600) * 1'000);
}

TEST_F(Certificate, SaysWhenItIsForAnotherHost) {
  auto files = host("example.com");
  files.host = "example.net";
  const auto pair = load(files);
  ASSERT_TRUE(pair);
  EXPECT_FALSE(pair->info.covers_host);
}

TEST_F(Certificate, AKeyThatOthersCanReadIsRefused) {
  const auto files = host("example.com");
  for (const mode_t mode : {0644, 0604, 0602, 0660, 0601}) {
    ASSERT_EQ(chmod(files.key_file.c_str(), mode), 0);
    expect_refused(load(files), ErrorCode::denied, "chmod 640 " + files.key_file);
  }
  for (const mode_t mode : {0600, 0400, 0640, 0440}) {
    ASSERT_EQ(chmod(files.key_file.c_str(), mode), 0);
    EXPECT_TRUE(load(files)) << mode;
  }
}

TEST_F(Certificate, TheKeyOfAnotherCertificateIsRefused) {
  auto files = host("example.com");
  files.key_file = host("example.net").key_file;
  expect_refused(load(files), ErrorCode::invalid, "is not the key of");
}

TEST_F(Certificate, MissingFilesAreNamed) {
  auto files = host("example.com");
  expect_refused(load({"example.com", path("none.crt"), files.key_file}), ErrorCode::not_found, "none.crt");
  expect_refused(load({"example.com", files.certificate_file, path("none.key")}), ErrorCode::not_found, "none.key");
  expect_refused(load({"example.com", folder_, files.key_file}), ErrorCode::invalid, "not a regular file");
}

TEST_F(Certificate, WrongContentsAreNamed) {
  const auto files = host("example.com");
  expect_refused(load({"example.com", files.key_file, files.key_file}), ErrorCode::invalid, "holds no certificate");
  ASSERT_EQ(chmod(files.certificate_file.c_str(), 0600), 0);
  expect_refused(load({"example.com", files.certificate_file, files.certificate_file}), ErrorCode::invalid,
                 "holds no private key");
}

TEST_F(Certificate, ADamagedIntermediateIsRefused) {
  const auto files = host("example.com");
  auto text = read(files.certificate_file);
  text.replace(text.rfind("MII"), 8, "AAAAAAAA");
  std::ofstream(files.certificate_file) << text;
  expect_refused(load(files), ErrorCode::invalid, "damaged");
}

TEST_F(Certificate, AnEncryptedKeyIsRefusedWithTheRemedy) {
  const auto files = host("example.com");
  const auto pair = load(files);
  ASSERT_TRUE(pair);
  const BioPtr out(BIO_new_file(files.key_file.c_str(), "w"));
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(out.get(), pair->key.get(), EVP_aes_256_cbc(), "secret", 6, nullptr, nullptr),
            1);
  BIO_flush(out.get());
  expect_refused(load(files), ErrorCode::invalid, "encrypted");
}

TEST_F(Certificate, AnOversizedFileIsRefused) {
  const auto files = host("example.com");
  std::ofstream(files.certificate_file) << std::string((1 << 20) + 1, 'x');
  expect_refused(load(files), ErrorCode::invalid, "larger than 1 MiB");
}

TEST_F(Certificate, AWeakKeyDoesNotBecomeAContext) {
  const auto files = host("example.com");
  const KeyPtr weak(EVP_RSA_gen(1024));
  const CertificatePtr certificate(X509_new());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3'600);
  X509_set_pubkey(certificate.get(), weak.get());
  X509_sign(certificate.get(), weak.get(), EVP_sha256());
  const BioPtr key_out(BIO_new_file(files.key_file.c_str(), "w"));
  PEM_write_bio_PrivateKey(key_out.get(), weak.get(), nullptr, nullptr, 0, nullptr, nullptr);
  BIO_flush(key_out.get());
  const BioPtr certificate_out(BIO_new_file(files.certificate_file.c_str(), "w"));
  PEM_write_bio_X509(certificate_out.get(), certificate.get());
  BIO_flush(certificate_out.get());
  const auto loaded = TlsContexts::load({.hosts = {files}}, tickets_);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().text.find("key too small"), std::string::npos) << loaded.error().text;
}

}  // namespace
}  // namespace valise::net
