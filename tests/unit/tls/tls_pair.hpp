// A server from the contexts under test and an OpenSSL client, joined by memory.
#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <filesystem>
#include <memory>
#include <string>

#include "net/tls/context.hpp"
#include "net/tls/local_ca.hpp"
#include "net/tls/session.hpp"

namespace valise::net {

// A folder of its own per test, with a CA in it.
class TlsFolder : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "valise-tls-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    auto ca = LocalCa::open(path("ca"));
    ASSERT_TRUE(ca) << ca.error().text;
    ca_ = std::make_unique<LocalCa>(std::move(*ca));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  HostCertificate host(const std::string& name) const {
    HostCertificate files{name, path(name + ".crt"), path(name + ".key")};
    const auto issued = ca_->issue({{name}, files.certificate_file, files.key_file});
    EXPECT_TRUE(issued) << issued.error().text;
    return files;
  }
  Ref<const TlsContexts> contexts(TlsSettings settings) {
    auto loaded = TlsContexts::load(settings, tickets_);
    EXPECT_TRUE(loaded) << loaded.error().text;
    return loaded ? *loaded : Ref<const TlsContexts>();
  }
  // A client that trusts the CA of this folder.
  SslContextPtr client() const {
    SslContextPtr context(SSL_CTX_new(TLS_client_method()));
    EXPECT_EQ(SSL_CTX_load_verify_file(context.get(), ca_->certificate_file().c_str()), 1);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    return context;
  }

  std::string folder_;
  std::unique_ptr<LocalCa> ca_;
  std::int64_t now_ms_ = 0;
  std::shared_ptr<TicketKeys> tickets_ =
      std::make_shared<TicketKeys>(TicketKeys::default_interval_ms, [this] { return now_ms_; });
};

class TlsPair {
 public:
  TlsPair(const TlsContexts& contexts, SSL_CTX* client_context, const std::string& sni = {},
          std::string_view stream_to = {})
      : server(contexts.new_session(stream_to)), client(SSL_new(client_context)) {
    BIO* server_side = nullptr;
    BIO* client_side = nullptr;
    BIO_new_bio_pair(&server_side, 0, &client_side, 0);
    SSL_set_bio(server.get(), server_side, server_side);
    SSL_set_bio(client.get(), client_side, client_side);
    SSL_set_connect_state(client.get());
    if (!sni.empty()) {
      SSL_set_tlsext_host_name(client.get(), sni.c_str());
      SSL_set1_host(client.get(), sni.c_str());
    }
  }

  // OpenSSL calls a session that ends without close_notify not resumable.
  ~TlsPair() {
    if (client) SSL_set_shutdown(client.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
  TlsPair(const TlsPair&) = delete;
  TlsPair& operator=(const TlsPair&) = delete;

  // True when both ends are done. Also lets the client read its tickets.
  bool handshake() {
    bool server_done = false;
    bool client_done = false;
    for (int turn = 0; turn < 20 && !(server_done && client_done); ++turn) {
      client_done = step(client.get(), client_error);
      server_done = step(server.get(), server_error);
    }
    char byte = 0;
    if (client_done && server_done) SSL_read(client.get(), &byte, 1);
    ERR_clear_error();
    return server_done && client_done;
  }

  bool send(SSL* from, SSL* to, std::string_view text) {
    if (SSL_write(from, text.data(), static_cast<int>(text.size())) != static_cast<int>(text.size())) return false;
    std::string got(text.size(), '\0');
    return SSL_read(to, got.data(), static_cast<int>(got.size())) == static_cast<int>(got.size()) && got == text;
  }

  std::string client_shown_name() const {
    const auto* certificate = SSL_get0_peer_certificate(client.get());
    if (certificate == nullptr) return "none";
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    return name;
  }

  SslPtr server;
  SslPtr client;
  std::string server_error;
  std::string client_error;

 private:
  static bool step(SSL* ssl, std::string& error) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl);
    if (result == 1) return true;
    const int why = SSL_get_error(ssl, result);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE && error.empty()) error = openssl_error();
    return false;
  }
};

}  // namespace valise::net
