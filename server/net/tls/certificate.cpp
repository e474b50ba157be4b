#include "net/tls/certificate.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/crypto.hpp"

namespace valise::net {
namespace {

constexpr std::size_t max_file = 1 << 20;

// No terminal is asked for a passphrase: an encrypted key is an error with a remedy.
int no_passphrase(char*, int, int, void*) { return -1; }

Result<std::string> read_file(const std::string& path, bool secret) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::denied,
                fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  }
  std::string out;
  struct stat status{};
  Result<> checked;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    checked = fail(ErrorCode::invalid, path + ": is not a regular file");
  } else if (secret && (status.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    checked = fail(ErrorCode::denied,
                   fmt::format("{}: other users can read or change this key; run: chmod 640 {}", path, path));
  } else if (status.st_size > static_cast<off_t>(max_file)) {
    checked = fail(ErrorCode::invalid, path + ": is larger than 1 MiB");
  }
  while (checked && out.size() <= max_file) {
    char block[4096];
    const auto got = read(fd, block, sizeof block);
    if (got < 0) checked = fail(ErrorCode::unavailable, fmt::format("{}: {}", path, std::strerror(errno)));
    if (got <= 0) break;
    out.append(block, static_cast<std::size_t>(got));
    OPENSSL_cleanse(block, sizeof block);
  }
  close(fd);
  if (!checked) return std::unexpected(std::move(checked.error()));
  return out;
}

BioPtr memory(const std::string& bytes) {
  return BioPtr(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

std::string name_text(const X509_NAME* name) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(std::max(size, 0L))};
}

std::int64_t milliseconds(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<std::int64_t>(timegm(&parts)) * 1'000 : 0;
}

CertificateInfo describe_certificate(const std::string& host, X509* certificate) {
  std::string digest(32, '\0');
  X509_digest(certificate, EVP_sha256(), reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  return {.host = host,
          .subject = name_text(X509_get_subject_name(certificate)),
          .issuer = name_text(X509_get_issuer_name(certificate)),
          .not_before_ms = milliseconds(X509_get0_notBefore(certificate)),
          .not_after_ms = milliseconds(X509_get0_notAfter(certificate)),
          .sha256 = crypto::hex_encode(digest),
          .covers_host = X509_check_host(certificate, host.data(), host.size(), 0, nullptr) == 1};
}

// The certificates of a PEM text, in their order; at least one.
Result<std::vector<CertificatePtr>> read_certificates(const std::string& file, const std::string& text) {
  std::vector<CertificatePtr> out;
  const auto in = memory(text);
  while (CertificatePtr next{PEM_read_bio_X509(in.get(), nullptr, no_passphrase, nullptr)}) {
    out.push_back(std::move(next));
  }
  const auto last = ERR_peek_last_error();
  ERR_clear_error();
  if (out.empty()) return fail(ErrorCode::invalid, file + ": holds no certificate in PEM form");
  if (last != 0 && ERR_GET_REASON(last) != PEM_R_NO_START_LINE) {
    return fail(ErrorCode::invalid, file + ": a certificate behind the first one is damaged");
  }
  return out;
}

}  // namespace

std::string openssl_error() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  if (const char* reason = ERR_reason_error_string(code)) return reason;
  char text[160];
  ERR_error_string_n(code, text, sizeof text);
  return text;
}

Result<KeyPair> load_key_pair(const std::string& host, const std::string& certificate_file,
                              const std::string& key_file) {
  ERR_clear_error();
  const auto certificates = read_file(certificate_file, false);
  if (!certificates) return std::unexpected(certificates.error());
  auto key_text = read_file(key_file, true);
  if (!key_text) return std::unexpected(std::move(key_text.error()));

  KeyPair out;
  const auto key_in = memory(*key_text);
  out.key.reset(PEM_read_bio_PrivateKey(key_in.get(), nullptr, no_passphrase, nullptr));
  const bool encrypted = key_text->find("ENCRYPTED") != std::string::npos;
  crypto::wipe(*key_text);
  if (!out.key) {
    ERR_clear_error();
    return fail(ErrorCode::invalid,
                key_file + (encrypted ? ": the key is encrypted; store it decrypted with mode 600 (openssl pkey)"
                                      : ": holds no private key in PEM form"));
  }
  auto chain = read_certificates(certificate_file, *certificates);
  if (!chain) return std::unexpected(std::move(chain.error()));
  out.certificate = std::move(chain->front());
  out.chain.assign(std::make_move_iterator(chain->begin() + 1), std::make_move_iterator(chain->end()));
  if (X509_check_private_key(out.certificate.get(), out.key.get()) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::invalid,
                fmt::format("{}: is not the key of the first certificate in {}", key_file, certificate_file));
  }
  out.info = describe_certificate(host, out.certificate.get());
  return out;
}

Result<> check_authorities(const std::string& file) {
  ERR_clear_error();
  const auto text = read_file(file, false);
  if (!text) return std::unexpected(text.error());
  if (auto found = read_certificates(file, *text); !found) return std::unexpected(std::move(found.error()));
  return {};
}

}  // namespace valise::net
