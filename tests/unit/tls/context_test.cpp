#include <fstream>

#include "tls_pair.hpp"

namespace valise::net {
namespace {

using Tls = TlsFolder;

TEST_F(Tls, AHandshakeGivesTls13WithAes256) {
  const auto server = contexts({.hosts = {host("example.com")}});
  const auto with = client();
  TlsPair pair(*server, with.get(), "example.com");
  ASSERT_TRUE(pair.handshake()) << pair.server_error << " / " << pair.client_error;
  const auto about = describe(pair.server.get());
  EXPECT_EQ(about.version, "TLSv1.3");
  EXPECT_EQ(about.cipher, "TLS_AES_256_GCM_SHA384");
  EXPECT_EQ(about.host, "example.com");
  EXPECT_EQ(about.alpn, "");
  EXPECT_FALSE(about.resumed);
  EXPECT_TRUE(pair.send(pair.client.get(), pair.server.get(), "hello"));
  EXPECT_TRUE(pair.send(pair.server.get(), pair.client.get(), "hello yourself"));
}

TEST_F(Tls, Tls12GetsEcdheWithAeadInTheServersOrder) {
  const auto server = contexts({.hosts = {host("example.com")}});
  const auto with = client();
  SSL_CTX_set_max_proto_version(with.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(with.get(),
                          "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:"
                          "ECDHE-ECDSA-AES256-GCM-SHA384");
  TlsPair pair(*server, with.get(), "example.com");
  ASSERT_TRUE(pair.handshake()) << pair.server_error;
  EXPECT_EQ(describe(pair.server.get()).version, "TLSv1.2");
  EXPECT_EQ(describe(pair.server.get()).cipher, "ECDHE-ECDSA-AES256-GCM-SHA384");
}

TEST_F(Tls, OlderVersionsAreRefused) {
  const auto server = contexts({.hosts = {host("example.com")}});
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    const auto with = client();
    SSL_CTX_set_security_level(with.get(), 0);
    SSL_CTX_set_min_proto_version(with.get(), version);
    SSL_CTX_set_max_proto_version(with.get(), version);
    TlsPair pair(*server, with.get(), "example.com");
    EXPECT_FALSE(pair.handshake());
    EXPECT_EQ(pair.server_error, "unsupported protocol");
  }
}

TEST_F(Tls, Tls12CanBeSwitchedOff) {
  const auto server = contexts({.hosts = {host("example.com")}, .tls12 = false});
  const auto with = client();
  SSL_CTX_set_max_proto_version(with.get(), TLS1_2_VERSION);
  EXPECT_FALSE(TlsPair(*server, with.get(), "example.com").handshake());
}

TEST_F(Tls, CiphersWithoutAeadOrForwardSecrecyAreRefused) {
  const auto server = contexts({.hosts = {host("example.com")}});
  for (const auto* cipher : {"ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA", "AES256-GCM-SHA384",
                             "DHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-CCM8"}) {
    const auto with = client();
    SSL_CTX_set_security_level(with.get(), 0);
    SSL_CTX_set_max_proto_version(with.get(), TLS1_2_VERSION);
    ASSERT_EQ(SSL_CTX_set_cipher_list(with.get(), cipher), 1) << cipher;
    TlsPair pair(*server, with.get(), "example.com");
    EXPECT_FALSE(pair.handshake()) << cipher;
    EXPECT_EQ(pair.server_error, "no shared cipher") << cipher;
  }
}

TEST_F(Tls, EachCurveOfTheProfileWorksAndOthersDoNot) {
  const auto server = contexts({.hosts = {host("example.com")}});
  for (const auto* group : {"X25519", "P-256", "P-384"}) {
    const auto with = client();
    ASSERT_EQ(SSL_CTX_set1_groups_list(with.get(), group), 1);
    EXPECT_TRUE(TlsPair(*server, with.get(), "example.com").handshake()) << group;
  }
  for (const auto* group : {"P-521", "X448", "ffdhe2048"}) {
    const auto with = client();
    ASSERT_EQ(SSL_CTX_set1_groups_list(with.get(), group), 1);
    EXPECT_FALSE(TlsPair(*server, with.get(), "example.com").handshake()) << group;
  }
}

TEST_F(Tls, SniPicksTheCertificate) {
  const auto server = contexts({.hosts = {host("one.example"), host("two.example"), host("three.example")}});
  for (const auto* name : {"one.example", "two.example", "three.example", "TWO.Example"}) {
    const auto with = client();
    TlsPair pair(*server, with.get(), name);
    ASSERT_TRUE(pair.handshake()) << name << pair.client_error;
    EXPECT_STRCASEEQ(pair.client_shown_name().c_str(), name);
    EXPECT_STRCASEEQ(std::string(describe(pair.server.get()).host).c_str(), name);
  }
}

TEST_F(Tls, SniPicksTheCertificateOnTls12Too) {
  const auto server = contexts({.hosts = {host("one.example"), host("two.example")}});
  const auto with = client();
  SSL_CTX_set_max_proto_version(with.get(), TLS1_2_VERSION);
  TlsPair pair(*server, with.get(), "two.example");
  ASSERT_TRUE(pair.handshake());
  EXPECT_EQ(pair.client_shown_name(), "two.example");
}

TEST_F(Tls, AnUnknownOrMissingNameGetsTheFirstHostsCertificate) {
  const auto server = contexts({.hosts = {host("one.example"), host("two.example")}});
  const auto with = client();
  SSL_CTX_set_verify(with.get(), SSL_VERIFY_NONE, nullptr);
  for (const auto* name : {"", "nobody.example"}) {
    TlsPair pair(*server, with.get(), name);
    ASSERT_TRUE(pair.handshake()) << name;
    EXPECT_EQ(pair.client_shown_name(), "one.example");
  }
}

TEST_F(Tls, WithoutAKnownNameTheStreamsHostDecidesAndSniWinsOverIt) {
  const auto server = contexts({.hosts = {host("one.example"), host("two.example"), host("three.example")}});
  const auto with = client();
  SSL_CTX_set_verify(with.get(), SSL_VERIFY_NONE, nullptr);
  const auto shown = [&](const char* sni, const char* to, const char* groups) {
    SSL_CTX_set1_groups_list(with.get(), groups);
    TlsPair pair(*server, with.get(), sni, to);
    return pair.handshake() ? pair.client_shown_name() : pair.server_error;
  };
  for (const char* groups : {"X25519", "P-521:P-256"}) {  // the second one needs a HelloRetryRequest: two hellos
    EXPECT_EQ(shown("", "two.example", groups), "two.example");
    EXPECT_EQ(shown("nobody.example", "two.example", groups), "two.example");
    EXPECT_EQ(shown("", "nobody.example", groups), "one.example");
    EXPECT_EQ(shown("three.example", "two.example", groups), "three.example");
    EXPECT_EQ(shown("one.example", "two.example", groups), "one.example");
  }
}

TEST_F(Tls, AlpnXmppClientIsChosenAndOthersAreRefused) {  // XEP-0368
  const auto server = contexts({.hosts = {host("example.com")}});
  const auto offering = [&](std::string_view wire) {
    auto with = client();
    SSL_CTX_set_alpn_protos(with.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                            static_cast<unsigned>(wire.size()));
    return with;
  };
  const auto both = offering("\x02h2\x0bxmpp-client");
  TlsPair pair(*server, both.get(), "example.com");
  ASSERT_TRUE(pair.handshake());
  EXPECT_EQ(describe(pair.server.get()).alpn, "xmpp-client");
  const auto web = offering("\x02h2\x08http/1.1");
  EXPECT_FALSE(TlsPair(*server, web.get(), "example.com").handshake());
}

TEST_F(Tls, RenegotiationIsRefused) {
  const auto server = contexts({.hosts = {host("example.com")}});
  const auto with = client();
  SSL_CTX_set_max_proto_version(with.get(), TLS1_2_VERSION);
  TlsPair pair(*server, with.get(), "example.com");
  ASSERT_TRUE(pair.handshake());
  ASSERT_EQ(SSL_renegotiate(pair.client.get()), 1);
  EXPECT_NE(SSL_do_handshake(pair.client.get()), 1);
  char byte = 0;
  EXPECT_EQ(SSL_get_shutdown(pair.server.get()), 0);
  EXPECT_LE(SSL_read(pair.server.get(), &byte, 1), 0);  // answers with a no_renegotiation warning
  // RFC 6120 §5.3.5: for us the session is over.
  EXPECT_EQ(SSL_get_shutdown(pair.server.get()), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  EXPECT_NE(SSL_do_handshake(pair.client.get()), 1);
  EXPECT_EQ(openssl_error(), "no renegotiation");
}

TEST_F(Tls, CompressionAndEarlyDataAreOff) {
  const auto server = contexts({.hosts = {host("example.com")}});
  const auto ssl = server->new_session();
  EXPECT_TRUE((SSL_get_options(ssl.get()) & SSL_OP_NO_COMPRESSION) != 0);
  EXPECT_EQ(SSL_get_max_early_data(ssl.get()), 0u);
  const auto with = client();
  TlsPair pair(*server, with.get(), "example.com");
  ASSERT_TRUE(pair.handshake());
  EXPECT_EQ(SSL_SESSION_get_max_early_data(SSL_get0_session(pair.client.get())), 0u);
}

TEST_F(Tls, BothEndsExportTheSame32Bytes) {  // RFC 9266
  const auto server = contexts({.hosts = {host("example.com")}});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto with = client();
    SSL_CTX_set_max_proto_version(with.get(), version);
    TlsPair pair(*server, with.get(), "example.com");
    EXPECT_FALSE(exporter(pair.server.get()));
    ASSERT_TRUE(pair.handshake());
    const auto ours = exporter(pair.server.get());
    ASSERT_TRUE(ours);
    EXPECT_EQ(ours->size(), 32u);
    EXPECT_EQ(ours, exporter(pair.client.get()));
    TlsPair other(*server, with.get(), "example.com");
    ASSERT_TRUE(other.handshake());
    EXPECT_NE(ours, exporter(other.server.get()));
  }
}

TEST_F(Tls, NoExporterWithoutTheExtendedMasterSecret) {
  const auto server = contexts({.hosts = {host("example.com")}});
  const auto with = client();
  SSL_CTX_set_max_proto_version(with.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(with.get(), SSL_OP_NO_EXTENDED_MASTER_SECRET);
  TlsPair pair(*server, with.get(), "example.com");
  ASSERT_TRUE(pair.handshake());
  EXPECT_FALSE(exporter(pair.server.get()));
}

TEST_F(Tls, TheEndPointBindingIsTheHashOfTheCertificateThatWasShown) {  // RFC 5929 §4.1
  const auto server = contexts({.hosts = {host("one.example"), host("two.example")}});
  const auto with = client();
  TlsPair pair(*server, with.get(), "two.example");
  ASSERT_TRUE(pair.handshake());
  std::string hash(32, '\0');
  X509_digest(SSL_get0_peer_certificate(pair.client.get()), EVP_sha256(), reinterpret_cast<unsigned char*>(hash.data()),
              nullptr);
  EXPECT_EQ(server_end_point(pair.server.get()), hash);
}

TEST_F(Tls, AReloadShowsTheNewCertificateAndDropsNobody) {
  const auto files = host("example.com");
  auto snapshot = contexts({.hosts = {files}});
  const auto with = client();
  TlsPair old(*snapshot, with.get(), "example.com");
  TlsPair half(*snapshot, with.get(), "example.com");
  ASSERT_TRUE(old.handshake());
  const auto before = snapshot->certificates()[0].sha256;

  (void)host("example.com");  // issued anew, over the same files
  snapshot = contexts({.hosts = {files}});
  EXPECT_NE(snapshot->certificates()[0].sha256, before);
  EXPECT_TRUE(old.send(old.client.get(), old.server.get(), "still here"));
  EXPECT_TRUE(half.handshake()) << "a handshake that began before the swap";
  TlsPair fresh(*snapshot, with.get(), "example.com");
  EXPECT_TRUE(fresh.handshake());
}

TEST_F(Tls, SniWorksAfterTheSnapshotIsGone) {
  auto snapshot = contexts({.hosts = {host("one.example"), host("two.example")}});
  const auto with = client();
  TlsPair pair(*snapshot, with.get(), "two.example");
  snapshot = nullptr;
  ASSERT_TRUE(pair.handshake());
  EXPECT_EQ(pair.client_shown_name(), "two.example");
}

TEST_F(Tls, AReloadThatFailsLeavesTheOldSnapshot) {
  const auto files = host("example.com");
  const auto snapshot = contexts({.hosts = {files}});
  std::ofstream(files.certificate_file) << "garbage";
  EXPECT_FALSE(TlsContexts::load({.hosts = {files}}, tickets_));
  const auto with = client();
  EXPECT_TRUE(TlsPair(*snapshot, with.get(), "example.com").handshake());
}

TEST_F(Tls, NoHostAndTwiceTheSameHostAreRefused) {
  EXPECT_FALSE(TlsContexts::load({}, tickets_));
  const auto one = host("one.example");
  const auto two = host("two.example");
  EXPECT_EQ(TlsContexts::load({.hosts = {one, one}}, tickets_).error().code, ErrorCode::conflict);
  EXPECT_EQ(TlsContexts::load({.hosts = {one, two, two}}, tickets_).error().code, ErrorCode::conflict);
}

TEST_F(Tls, GarbageInsteadOfAHelloFailsTheHandshake) {
  const auto server = contexts({.hosts = {host("example.com")}});
  const auto ssl = server->new_session();
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  BIO_puts(SSL_get_rbio(ssl.get()), "<?xml version='1.0'?><stream:stream xmlns='jabber:client'>");
  const int result = SSL_do_handshake(ssl.get());
  EXPECT_EQ(SSL_get_error(ssl.get(), result), SSL_ERROR_SSL);
  ERR_clear_error();
}

}  // namespace
}  // namespace valise::net
