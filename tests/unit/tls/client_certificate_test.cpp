#include "net/tls/client_certificate.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tls_pair.hpp"

namespace valise::net {
namespace {

using Bytes = std::string;

// A subjectAltName from its raw contents, whatever they are.
CertificatePtr with_names(const Bytes& der, int how_often = 1) {
  CertificatePtr out(X509_new());
  X509_set_version(out.get(), X509_VERSION_3);
  for (int i = 0; i < how_often; ++i) {
    auto* value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, reinterpret_cast<const unsigned char*>(der.data()), static_cast<int>(der.size()));
    auto* extension = X509_EXTENSION_create_by_NID(nullptr, NID_subject_alt_name, 0, value);
    X509_add_ext(out.get(), extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
  }
  return out;
}

Bytes tlv(unsigned char tag, const Bytes& value) {
  Bytes out(1, static_cast<char>(tag));
  if (value.size() >= 128) out += {static_cast<char>(0x82), static_cast<char>(value.size() >> 8)};
  out += static_cast<char>(value.size());
  return out + value;
}

const Bytes xmpp_oid("\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x05", 10);

Bytes other_name(const Bytes& value, const Bytes& oid = xmpp_oid) { return tlv(0xa0, oid + tlv(0xa0, value)); }
Bytes xmpp(const Bytes& text) { return other_name(tlv(0x0c, text)); }
Bytes email(const Bytes& text) { return tlv(0x81, text); }

ClientNames names(const Bytes& in_sequence, int how_often = 1) {
  return names_of(with_names(tlv(0x30, in_sequence), how_often).get());
}

TEST(ClientNames, AreXmppAddressesAndMailAddressesInTheirOrder) {
  const auto found = names(xmpp("alice@x") + tlv(0x82, "x.example") + email("alice@x") + xmpp("bob@x"));
  EXPECT_EQ(found.xmpp, (std::vector<std::string>{"alice@x", "bob@x"}));
  EXPECT_EQ(found.email, std::vector<std::string>{"alice@x"});
}

TEST(ClientNames, OfTheWrongTypeOrWithANulAreNone) {
  const Bytes nul("alice@x\0.evil", 13);
  const Bytes upn("\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03", 12);
  for (const auto& wrong :
       {xmpp(nul), xmpp(""), xmpp(Bytes(3'072, 'a')), email(nul), email(""), other_name(tlv(0x16, "alice@x")),
        other_name(tlv(0x04, "alice@x")), other_name(tlv(0x30, "")), other_name(tlv(0x0c, "alice@x"), upn)}) {
    EXPECT_EQ(names(wrong), ClientNames());
    EXPECT_EQ(names(wrong + xmpp("alice@x")).xmpp, std::vector<std::string>{"alice@x"});
  }
  EXPECT_EQ(names(xmpp(Bytes(3'071, 'a'))).xmpp.size(), 1u);
}

TEST(ClientNames, OfADamagedExtensionAreNone) {
  const auto whole = tlv(0x30, xmpp("alice@x") + email("alice@x"));
  EXPECT_EQ(names_of(with_names(whole).get()).xmpp.size(), 1u);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(names_of(with_names(whole.substr(0, size)).get()), ClientNames()) << size;
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {  // no crash, no invented name
    for (const int change : {0x01, 0x7f, 0x80, 0xff}) {
      auto damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ change);
      for (const auto& name : names_of(with_names(damaged).get()).xmpp) EXPECT_LE(name.size(), whole.size());
    }
  }
  EXPECT_EQ(names_of(with_names("").get()), ClientNames());
  EXPECT_EQ(names_of(CertificatePtr(X509_new()).get()), ClientNames());
}

TEST(ClientNames, OfTwoExtensionsOrTooManyAreNone) {
  EXPECT_EQ(names(xmpp("alice@x"), 2), ClientNames());
  Bytes many;
  for (int i = 0; i < 64; ++i) many += xmpp("alice@x");
  EXPECT_EQ(names(many).xmpp.size(), 64u);
  EXPECT_EQ(names(many + tlv(0x82, "x")), ClientNames());
}

class ClientCertificatesTest : public TlsFolder {
 protected:
  // A client with a certificate of this folder's authority (for servers and clients; it names no person).
  SslContextPtr client_with_card() {
    const auto files = host("card.example");
    auto context = client();
    EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context.get(), files.certificate_file.c_str()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context.get(), files.key_file.c_str(), SSL_FILETYPE_PEM), 1);
    return context;
  }
  TlsSettings settings(bool required) {
    auto asks = host("asks.example");
    asks.clients = {.ca_file = ca_->certificate_file(), .crl_file = {}, .required = required};
    return {.hosts = {asks, host("quiet.example")}};
  }
};

TEST_F(ClientCertificatesTest, AreAskedForByTheHostThatWantsThem) {
  const auto all = contexts(settings(false));
  const auto card = client_with_card();
  TlsPair asked(*all, card.get(), "asks.example");
  ASSERT_TRUE(asked.handshake());
  EXPECT_TRUE(client_names(asked.server.get()));
  TlsPair quiet(*all, card.get(), "quiet.example");
  ASSERT_TRUE(quiet.handshake());
  EXPECT_FALSE(client_names(quiet.server.get()));
  EXPECT_EQ(SSL_get0_peer_certificate(quiet.server.get()), nullptr);
  TlsPair by_stream(*all, card.get(), {}, "quiet.example");
  ASSERT_TRUE(by_stream.handshake());
  EXPECT_EQ(SSL_get0_peer_certificate(by_stream.server.get()), nullptr);
}

TEST_F(ClientCertificatesTest, AreWelcomeOrRequired) {
  const auto stranger = client();
  TlsPair welcome(*contexts(settings(false)), stranger.get(), "asks.example");
  EXPECT_TRUE(welcome.handshake());
  EXPECT_FALSE(client_names(welcome.server.get()));
  TlsPair required(*contexts(settings(true)), stranger.get(), "asks.example");
  EXPECT_FALSE(required.handshake());
  const auto card = client_with_card();
  TlsPair right(*contexts(settings(true)), card.get(), "asks.example");
  EXPECT_TRUE(right.handshake());
}

TEST_F(ClientCertificatesTest, AreShownInEachHandshake) {
  const auto all = contexts(settings(false));
  const auto card = client_with_card();
  for (const auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    SSL_CTX_set_max_proto_version(card.get(), version);
    TlsPair first(*all, card.get(), "asks.example");
    ASSERT_TRUE(first.handshake());
    TlsPair second(*all, card.get(), "asks.example");
    SSL_set_session(second.client.get(), SSL_get0_session(first.client.get()));
    ASSERT_TRUE(second.handshake());
    EXPECT_FALSE(describe(second.server.get()).resumed);
    EXPECT_TRUE(client_names(second.server.get()));
  }
}

TEST_F(ClientCertificatesTest, FilesThatCannotBeUsedAreNamed) {
  const auto load = [](const std::string& ca, const std::string& crl = {}) {
    const auto loaded = load_client_trust("x", {.ca_file = ca, .crl_file = crl});
    return loaded ? std::string() : loaded.error().text;
  };
  const auto ca = ca_->certificate_file();
  EXPECT_EQ(load(ca), "");
  EXPECT_NE(load(path("gone")).find(path("gone")), std::string::npos);
  EXPECT_NE(load(host("h.example").certificate_file).find("not the certificate of an authority"), std::string::npos);
  EXPECT_NE(load(host("h.example").key_file).find("holds no certificate"), std::string::npos);
  EXPECT_NE(load(ca, ca).find("holds no revocation list"), std::string::npos);
}

}  // namespace
}  // namespace valise::net
