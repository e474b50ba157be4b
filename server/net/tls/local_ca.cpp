#include "net/tls/local_ca.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/crypto.hpp"
#include "net/tls/certificate.hpp"

namespace valise::net {
namespace {

constexpr unsigned ca_days = 3'650;
constexpr std::size_t max_names = 100;

std::unexpected<Error> file_error(const std::string& path) {
  return fail(ErrorCode::unavailable, fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return fsync(fd) == 0;
}

// Beside it, then renamed over it: a reader sees the old file or the new one.
Result<> replace_file(const std::string& path, std::string_view text, mode_t mode) {
  const auto temporary = path + ".new-" + crypto::random_hex(6);
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0) return file_error(temporary);
  const bool written = write_all(fd, text);
  const int saved = errno;
  close(fd);
  if (!written || std::rename(temporary.c_str(), path.c_str()) != 0) {
    if (!written) errno = saved;
    auto error = file_error(path);
    unlink(temporary.c_str());
    return error;
  }
  return {};
}

template <class Write>
std::string to_pem(Write write) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (!out || write(out.get()) != 1) return {};
  char* text = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string pem(X509* certificate) {
  return to_pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

std::string pem(EVP_PKEY* key) {
  const auto write = [&](BIO* out) {
    return PEM_write_bio_PKCS8PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  };
  return to_pem(write);
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpensslDelete<X509_EXTENSION_free>>;
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  crypto::random_bytes(bytes);
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);  // positive, always 16 bytes
  using NumberPtr = std::unique_ptr<BIGNUM, OpensslDelete<BN_free>>;
  const NumberPtr number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_common_name(X509_NAME* name, const std::string& text) {
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

// Serial, dates, key and names; the caller adds extensions and signs. An hour of back-dating forgives slow clocks.
CertificatePtr begin_certificate(EVP_PKEY* key, const std::string& common_name, unsigned days) {
  CertificatePtr out(X509_new());
  if (!out || X509_set_version(out.get(), X509_VERSION_3) != 1 || !set_serial(out.get()) ||
      X509_gmtime_adj(X509_getm_notBefore(out.get()), -3'600) == nullptr ||
      X509_time_adj_ex(X509_getm_notAfter(out.get()), static_cast<int>(days), 0, nullptr) == nullptr ||
      X509_set_pubkey(out.get(), key) != 1 || !set_common_name(X509_get_subject_name(out.get()), common_name)) {
    return nullptr;
  }
  return out;
}

bool is_address(const std::string& name) {
  std::array<unsigned char, 16> binary{};
  return inet_pton(AF_INET, name.c_str(), binary.data()) == 1 || inet_pton(AF_INET6, name.c_str(), binary.data()) == 1;
}

bool is_dns_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.empty() || name.size() > 253 || name.front() == '.' || name.front() == '-') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
         std::string_view::npos;
}

// The value of subjectAltName. Names are checked, since OpenSSL's text form would take "a,email:b" apart.
Result<std::string> alternative_names(const std::vector<std::string>& names) {
  if (names.empty() || names.size() > max_names) return fail(ErrorCode::invalid, "a certificate has 1 to 100 names");
  std::string out;
  for (const auto& name : names) {
    const bool address = is_address(name);
    if (!address && !is_dns_name(name)) {
      return fail(ErrorCode::invalid, "certificate name: neither a DNS name (in ASCII, A-labels) nor an IP address");
    }
    out += fmt::format("{}{}:{}", out.empty() ? "" : ",", address ? "IP" : "DNS", name);
  }
  return out;
}

std::unexpected<Error> openssl_failure(const char* what) {
  return fail(ErrorCode::internal, fmt::format("{}: {}", what, openssl_error()));
}

Result<> make_ca(const std::string& certificate_file, const std::string& key_file) {
  ERR_clear_error();
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failure("no key for the CA");
  // A name of its own, so that two CAs in one trust store are told apart.
  const auto name = "Valise local CA " + crypto::random_hex(4);
  const auto certificate = begin_certificate(key.get(), name, ca_days);
  if (!certificate || X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get())) != 1 ||
      !add_extension(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add_extension(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash") ||
      X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) {
    return openssl_failure("no certificate for the CA");
  }
  auto key_text = pem(key.get());
  auto written = replace_file(key_file, key_text, 0600);
  crypto::wipe(key_text);
  if (!written) return written;
  return replace_file(certificate_file, pem(certificate.get()), 0644);
}

}  // namespace

Result<LocalCa> LocalCa::open(const std::string& folder) {
  std::error_code ignored;
  if (!std::filesystem::exists(folder, ignored) && mkdir(folder.c_str(), 0700) != 0) return file_error(folder);
  LocalCa out;
  out.certificate_file_ = folder + "/ca.crt";
  const auto key_file = folder + "/ca.key";
  const bool has_certificate = std::filesystem::exists(out.certificate_file_, ignored);
  const bool has_key = std::filesystem::exists(key_file, ignored);
  if (has_certificate != has_key) {
    return fail(ErrorCode::conflict, fmt::format("{}: {} is missing; restore it, or remove the other one", folder,
                                                 has_key ? "ca.crt" : "ca.key"));
  }
  if (!has_key) {
    if (auto made = make_ca(out.certificate_file_, key_file); !made) return std::unexpected(std::move(made.error()));
  }
  auto pair = load_key_pair("local CA", out.certificate_file_, key_file);
  if (!pair) return std::unexpected(std::move(pair.error()));
  if (X509_check_ca(pair->certificate.get()) != 1) {
    return fail(ErrorCode::invalid, out.certificate_file_ + ": is not the certificate of a CA");
  }
  out.certificate_ = std::move(pair->certificate);
  out.key_ = std::move(pair->key);
  return out;
}

Result<> LocalCa::issue(const Request& request) const {
  const auto names = alternative_names(request.names);
  if (!names) return std::unexpected(names.error());
  if (request.days == 0 || request.days > ca_days) return fail(ErrorCode::invalid, "validity: 1 to 3650 days");
  ERR_clear_error();
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failure("no key");
  // RFC 5280 allows 64 characters in a common name; the alternative names are what counts.
  const auto certificate = begin_certificate(key.get(), request.names.front().substr(0, 64), request.days);
  if (!certificate || X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get())) != 1 ||
      !add_extension(certificate.get(), certificate_.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(certificate.get(), certificate_.get(), NID_key_usage, "critical,digitalSignature") ||
      !add_extension(certificate.get(), certificate_.get(), NID_ext_key_usage, "serverAuth,clientAuth") ||
      !add_extension(certificate.get(), certificate_.get(), NID_subject_alt_name, *names) ||
      !add_extension(certificate.get(), certificate_.get(), NID_subject_key_identifier, "hash") ||
      !add_extension(certificate.get(), certificate_.get(), NID_authority_key_identifier, "keyid:always") ||
      X509_sign(certificate.get(), key_.get(), EVP_sha256()) == 0) {
    return openssl_failure("no certificate");
  }
  auto key_text = pem(key.get());
  auto written = replace_file(request.key_file, key_text, 0600);
  crypto::wipe(key_text);
  if (!written) return written;
  return replace_file(request.certificate_file, pem(certificate.get()) + pem(certificate_.get()), 0644);
}

}  // namespace valise::net
