#include "net/tls/client_certificate.hpp"

#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "net/tls/certificate.hpp"
#include "net/tls/context_data.hpp"

namespace valise::net {
namespace {

constexpr std::size_t max_ca_file = 1 << 20;
constexpr std::size_t max_crl_file = 64 << 20;  // a large administration revokes many
constexpr std::size_t max_name = 3'071;         // bytes of a full JID
constexpr int max_names = 64;                   // of all kinds in one certificate

using AltNamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslDelete<GENERAL_NAMES_free>>;

// What a PEM reader left in the error queue: nothing, or that the file is at its end.
bool ended_well() {
  const auto last = ERR_peek_last_error();
  ERR_clear_error();
  return last == 0 || ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
}

std::int64_t next_update_ms(const X509_CRL* list) {
  const auto* time = X509_CRL_get0_nextUpdate(list);
  return time == nullptr ? 0 : milliseconds(time);
}

Result<> add_authorities(ClientTrust& out, const std::string& file, std::vector<CertificatePtr>& authorities) {
  const auto text = read_pem_file(file, max_ca_file);
  if (!text) return std::unexpected(text.error());
  const BioPtr in(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  while (CertificatePtr one{PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)}) {
    const auto* name = X509_get_subject_name(one.get());
    if (X509_check_ca(one.get()) == 0) {
      return fail(ErrorCode::invalid,
                  fmt::format("{}: {} is not the certificate of an authority", file, name_text(name)));
    }
    std::unique_ptr<X509_NAME, OpensslDelete<X509_NAME_free>> copy(X509_NAME_dup(name));
    if (X509_STORE_add_cert(out.store.get(), one.get()) != 1 || !copy ||
        sk_X509_NAME_push(out.names.get(), copy.get()) <= 0) {
      return fail(ErrorCode::invalid, fmt::format("{}: cannot be used: {}", file, openssl_error()));
    }
    (void)copy.release();
    authorities.push_back(std::move(one));
  }
  if (!ended_well()) return fail(ErrorCode::invalid, file + ": a certificate is damaged");
  if (authorities.empty()) return fail(ErrorCode::invalid, file + ": holds no certificate in PEM form");
  return {};
}

Result<> add_lists(ClientTrust& out, const std::string& host, const std::string& file,
                   const std::vector<CertificatePtr>& authorities) {
  const auto text = read_pem_file(file, max_crl_file);
  if (!text) return std::unexpected(text.error());
  const BioPtr in(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  using ListPtr = std::unique_ptr<X509_CRL, OpensslDelete<X509_CRL_free>>;
  std::vector<ListPtr> lists;
  while (ListPtr one{PEM_read_bio_X509_CRL(in.get(), nullptr, nullptr, nullptr)}) {
    if (X509_STORE_add_crl(out.store.get(), one.get()) != 1) {
      return fail(ErrorCode::invalid, fmt::format("{}: cannot be used: {}", file, openssl_error()));
    }
    out.lists.push_back({host, name_text(X509_CRL_get_issuer(one.get())), next_update_ms(one.get())});
    lists.push_back(std::move(one));
  }
  if (!ended_well()) return fail(ErrorCode::invalid, file + ": a revocation list is damaged");
  if (lists.empty()) return fail(ErrorCode::invalid, file + ": holds no revocation list in PEM form");
  for (const auto& authority : authorities) {
    const auto* name = X509_get_subject_name(authority.get());
    const bool there = std::ranges::any_of(
        lists, [&](const auto& list) { return X509_NAME_cmp(X509_CRL_get_issuer(list.get()), name) == 0; });
    if (!there) out.without_list.push_back(name_text(name));
  }
  return X509_STORE_set_flags(out.store.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1
             ? Result<>{}
             : fail(ErrorCode::internal, openssl_error());
}

bool about_missing_list(int error) {
  return error == X509_V_ERR_UNABLE_TO_GET_CRL || error == X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER ||
         error == X509_V_ERR_CRL_HAS_EXPIRED || error == X509_V_ERR_CRL_NOT_YET_VALID;
}

// OpenSSL also wants a list about the authority itself.
int excuse_authority(int fine, X509_STORE_CTX* context) {
  if (fine == 1) return 1;
  const bool authority = X509_STORE_CTX_get_error_depth(context) > 0 &&
                         X509_STORE_CTX_get_error_depth(context) >= X509_STORE_CTX_get_num_untrusted(context);
  if (!authority || !about_missing_list(X509_STORE_CTX_get_error(context))) return 0;
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

void add_name(std::vector<std::string>& out, const ASN1_STRING* text) {
  const auto* bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(text));
  const auto size = ASN1_STRING_length(text);
  if (bytes == nullptr || size <= 0 || static_cast<std::size_t>(size) > max_name) return;
  std::string name(bytes, static_cast<std::size_t>(size));
  if (name.find('\0') == std::string::npos) out.push_back(std::move(name));
}

}  // namespace

Result<ClientTrust> load_client_trust(const std::string& host, const ClientCertificates& files) {
  ERR_clear_error();
  ClientTrust out;
  out.store.reset(X509_STORE_new());
  out.names.reset(sk_X509_NAME_new_null());
  // Each authority of the file is trusted by itself, whether or not the one above it is there too.
  if (!out.store || !out.names || X509_STORE_set_flags(out.store.get(), X509_V_FLAG_PARTIAL_CHAIN) != 1) {
    return fail(ErrorCode::internal, openssl_error());
  }
  std::vector<CertificatePtr> authorities;
  if (auto done = add_authorities(out, files.ca_file, authorities); !done) return std::unexpected(done.error());
  if (files.crl_file.empty()) return out;
  if (auto done = add_lists(out, host, files.crl_file, authorities); !done) return std::unexpected(done.error());
  return out;
}

bool verify_client_chain(X509_STORE_CTX* context) {
  X509_STORE_CTX_set_verify_cb(context, excuse_authority);
  const bool valid = X509_verify_cert(context) == 1;
  if (!valid && X509_STORE_CTX_get_error(context) == X509_V_OK) {
    X509_STORE_CTX_set_error(context, X509_V_ERR_UNSPECIFIED);
  }
  ERR_clear_error();
  return valid;
}

ClientNames names_of(const X509* certificate) {
  ClientNames out;
  int how_often = 0;  // -2: more than one subjectAltName, and no names come back
  const AltNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, &how_often, nullptr)));
  ERR_clear_error();
  if (!names || sk_GENERAL_NAME_num(names.get()) > max_names) return out;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_EMAIL) {
      add_name(out.email, name->d.rfc822Name);
    } else if (name->type == GEN_OTHERNAME && OBJ_obj2nid(name->d.otherName->type_id) == NID_XmppAddr &&
               name->d.otherName->value->type == V_ASN1_UTF8STRING) {
      add_name(out.xmpp, name->d.otherName->value->value.utf8string);
    }
  }
  return out;
}

std::optional<ClientNames> client_names(const SSL* ssl) {
  if (ssl == nullptr) return std::nullopt;
  if (ssl == nullptr || SSL_is_init_finished(ssl) != 1 || SSL_session_reused(ssl) == 1) return std::nullopt;
  const auto* data = data_of(SSL_get_SSL_CTX(ssl));
  const auto* certificate = SSL_get0_peer_certificate(ssl);
  if (data == nullptr || !data->asks_clients || certificate == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) {
    return std::nullopt;
  }
  return names_of(certificate);
}

}  // namespace valise::net
