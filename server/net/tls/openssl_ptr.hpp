// Owners for OpenSSL's objects, and its error queue as text.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace valise::net {

template <auto free_function>
struct OpensslDelete {
  template <class T>
  void operator()(T* object) const noexcept {
    free_function(object);
  }
};

using BioPtr = std::unique_ptr<BIO, OpensslDelete<BIO_free_all>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslDelete<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, OpensslDelete<X509_free>>;
using StorePtr = std::unique_ptr<X509_STORE, OpensslDelete<X509_STORE_free>>;
using SslPtr = std::unique_ptr<SSL, OpensslDelete<SSL_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, OpensslDelete<SSL_CTX_free>>;

struct NamesDelete {
  void operator()(STACK_OF(X509_NAME) * names) const noexcept { sk_X509_NAME_pop_free(names, X509_NAME_free); }
};
using NamesPtr = std::unique_ptr<STACK_OF(X509_NAME), NamesDelete>;

// The latest entry of this thread's OpenSSL error queue, which is emptied.
[[nodiscard]] std::string openssl_error();

}  // namespace valise::net
