#include "tls_pair.hpp"

namespace valise::net {
namespace {

constexpr std::int64_t interval = TicketKeys::default_interval_ms;

class Tickets : public TlsFolder {
 protected:
  using SessionPtr = std::unique_ptr<SSL_SESSION, OpensslDelete<SSL_SESSION_free>>;

  // Both versions resume through the same keys.
  std::vector<SslContextPtr> clients() const {
    std::vector<SslContextPtr> out;
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      out.push_back(client());
      SSL_CTX_set_max_proto_version(out.back().get(), version);
      SSL_CTX_set_session_cache_mode(out.back().get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    }
    return out;
  }
  SessionPtr ticket_from(const TlsContexts& server, SSL_CTX* with, const std::string& name) {
    TlsPair pair(server, with, name);
    EXPECT_TRUE(pair.handshake()) << pair.server_error;
    return SessionPtr(SSL_get1_session(pair.client.get()));
  }
  bool resumes(const TlsContexts& server, SSL_CTX* with, const std::string& name, SSL_SESSION* session) {
    const SessionPtr copy(SSL_SESSION_dup(session));  // a client may use a ticket again; OpenSSL's own forgets it
    TlsPair pair(server, with, name);
    EXPECT_EQ(SSL_set_session(pair.client.get(), copy.get()), 1);
    EXPECT_TRUE(pair.handshake()) << pair.server_error;
    EXPECT_EQ(SSL_session_reused(pair.client.get()) == 1, describe(pair.server.get()).resumed);
    return describe(pair.server.get()).resumed;
  }
};

TEST_F(Tickets, ResumeUntilTheirKeyHasBeenRotatedTwice) {
  const auto server = contexts({.hosts = {host("example.com")}});
  for (const auto& with : clients()) {
    const auto session = ticket_from(*server, with.get(), "example.com");
    ASSERT_TRUE(session);
    EXPECT_TRUE(resumes(*server, with.get(), "example.com", session.get()));
    tickets_->rotate();
    EXPECT_TRUE(resumes(*server, with.get(), "example.com", session.get()));
    tickets_->rotate();
    EXPECT_FALSE(resumes(*server, with.get(), "example.com", session.get()));
  }
}

TEST_F(Tickets, KeysLiveTwelveHours) {
  const auto server = contexts({.hosts = {host("example.com")}});
  for (const auto& with : clients()) {
    const auto session = ticket_from(*server, with.get(), "example.com");
    now_ms_ += interval - 1;
    EXPECT_TRUE(resumes(*server, with.get(), "example.com", session.get()));
    now_ms_ += 1;
    EXPECT_TRUE(resumes(*server, with.get(), "example.com", session.get()));
    now_ms_ += interval;
    EXPECT_FALSE(resumes(*server, with.get(), "example.com", session.get()));
  }
}

TEST_F(Tickets, AKeyDiesOnTimeThoughNobodyConnectedMeanwhile) {
  const auto server = contexts({.hosts = {host("example.com")}});
  for (const auto& with : clients()) {
    const auto session = ticket_from(*server, with.get(), "example.com");
    now_ms_ += 2 * interval;
    EXPECT_FALSE(resumes(*server, with.get(), "example.com", session.get()));
  }
}

TEST_F(Tickets, AnOldKeysTicketIsRenewedByTheNewKey) {
  const auto server = contexts({.hosts = {host("example.com")}});
  for (const auto& with : clients()) {
    auto session = ticket_from(*server, with.get(), "example.com");
    tickets_->rotate();
    TlsPair pair(*server, with.get(), "example.com");
    SSL_set_session(pair.client.get(), session.get());
    ASSERT_TRUE(pair.handshake());
    ASSERT_TRUE(describe(pair.server.get()).resumed);
    const SessionPtr renewed(SSL_get1_session(pair.client.get()));
    tickets_->rotate();
    EXPECT_TRUE(resumes(*server, with.get(), "example.com", renewed.get()));
  }
}

TEST_F(Tickets, SurviveACertificateReload) {
  const auto files = host("example.com");
  auto server = contexts({.hosts = {files}});
  for (const auto& with : clients()) {
    const auto session = ticket_from(*server, with.get(), "example.com");
    (void)host("example.com");
    server = contexts({.hosts = {files}});
    EXPECT_TRUE(resumes(*server, with.get(), "example.com", session.get()));
  }
}

TEST_F(Tickets, OfOneHostDoNotResumeAtAnother) {
  const auto server = contexts({.hosts = {host("one.example"), host("two.example"), host("three.example")}});
  for (const auto& with : clients()) {
    SSL_CTX_set_verify(with.get(), SSL_VERIFY_NONE, nullptr);
    const auto session = ticket_from(*server, with.get(), "two.example");
    EXPECT_TRUE(resumes(*server, with.get(), "two.example", session.get()));
    const SessionPtr copy(SSL_SESSION_dup(session.get()));
    SSL_SESSION_set1_hostname(copy.get(), "three.example");
    TlsPair pair(*server, with.get(), "three.example");
    SSL_set_session(pair.client.get(), copy.get());
    ASSERT_TRUE(pair.handshake()) << pair.client_error;
    EXPECT_FALSE(describe(pair.server.get()).resumed);
  }
}

TEST_F(Tickets, OfAnotherServerAreIgnored) {
  const auto files = host("example.com");
  const auto server = contexts({.hosts = {files}});
  const auto other = TlsContexts::load({.hosts = {files}}, std::make_shared<TicketKeys>());
  ASSERT_TRUE(other);
  for (const auto& with : clients()) {
    const auto session = ticket_from(*server, with.get(), "example.com");
    EXPECT_FALSE(resumes(**other, with.get(), "example.com", session.get()));
  }
}

TEST_F(Tickets, AResumedSessionHasItsOwnChannelBinding) {
  const auto server = contexts({.hosts = {host("example.com")}});
  const auto with = client();
  TlsPair first(*server, with.get(), "example.com");
  ASSERT_TRUE(first.handshake());
  const SessionPtr session(SSL_get1_session(first.client.get()));
  TlsPair second(*server, with.get(), "example.com");
  SSL_set_session(second.client.get(), session.get());
  ASSERT_TRUE(second.handshake());
  ASSERT_TRUE(describe(second.server.get()).resumed);
  EXPECT_TRUE(exporter(second.server.get()));
  EXPECT_EQ(exporter(second.server.get()), exporter(second.client.get()));
  EXPECT_NE(exporter(first.server.get()), exporter(second.server.get()));
}

}  // namespace
}  // namespace valise::net
