#include "core/auth/scram.hpp"

#include <gtest/gtest.h>

namespace valise::core::auth {
namespace {

using crypto::Hash;

const FakeKeys& fake() {
  static const FakeKeys keys(std::string(32, 'f'), 4'096);
  return keys;
}

ScramSettings settings(std::string_view mechanism) {
  return {.mechanism = find_mechanism(mechanism), .host = "example.com"};
}

ScramSettings plus_settings(std::string_view mechanism = "SCRAM-SHA-256-PLUS") {
  auto out = settings(mechanism);
  out.bindings = {{"tls-exporter", "exporter bytes"}};
  out.plus_offered = true;
  return out;
}

storage::ScramKey pencil_key(Hash hash) { return derive_key(hash, "pencil", "0123456789abcdef", 4'096); }

// A client that knows `password` and does what RFC 5802 §3 says.
struct Client {
  Hash hash = Hash::sha256;
  std::string header = "n,,";
  std::string username = "user";
  std::string password = "pencil";
  std::string binding_data;
  std::string extensions;  // for client-final
  std::string nonce = "rOprNGfwEbeRWgbNEkqO";

  std::string bare() const { return "n=" + username + ",r=" + nonce; }
  std::string first() const { return header + bare(); }
  std::string final(const std::string& server_first) const {
    const auto salt_at = server_first.find(",s=") + 3;
    const auto count_at = server_first.find(",i=", salt_at);
    const auto salt = crypto::base64_decode(server_first.substr(salt_at, count_at - salt_at));
    const auto count = static_cast<unsigned>(std::stoul(server_first.substr(count_at + 3)));
    const auto both_nonces = server_first.substr(2, salt_at - 5);
    const auto without = "c=" + crypto::base64_encode(header + binding_data) + ",r=" + both_nonces + extensions;
    const auto auth_message = bare() + "," + server_first + "," + without;
    const auto client_key = crypto::hmac(hash, crypto::pbkdf2(hash, password, *salt, count), "Client Key");
    auto proof = crypto::hmac(hash, crypto::digest(hash, client_key), auth_message);
    for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ client_key[i]);
    return without + ",p=" + crypto::base64_encode(proof);
  }
};

struct Ending {
  bool success = false;
  Condition condition = Condition::aborted;
  std::string_view reason;
  std::string server_first;
  std::string server_final;
  bool bound = false;
};

Ending run(const Client& client, ScramSettings with, const std::vector<storage::ScramKey>& keys) {
  ScramExchange exchange(std::move(with));
  const auto account = exchange.client_first(client.first());
  if (!account) return {.condition = account.error().condition, .reason = account.error().reason};
  const auto first = exchange.server_first(keys, fake());
  if (!first) return {.condition = first.error().condition, .reason = first.error().reason};
  const auto final = exchange.client_final(client.final(*first));
  if (!final) return {.condition = final.error().condition, .reason = final.error().reason, .server_first = *first};
  return {.success = true, .server_first = *first, .server_final = *final, .bound = exchange.bound()};
}

struct Vector {
  std::string_view mechanism, client_nonce, server_nonce, salt, final, answer;
};

void expect_vector(const Vector& v) {
  auto with = settings(v.mechanism);
  with.nonce_for_test = v.server_nonce;
  const auto hash = with.mechanism->hash;
  const auto key = derive_key(hash, "pencil", *crypto::base64_decode(v.salt), 4'096);
  ScramExchange exchange(with);
  const auto account = exchange.client_first("n,,n=user,r=" + std::string(v.client_nonce));
  ASSERT_TRUE(account);
  EXPECT_EQ(account->full(), "user@example.com");
  EXPECT_EQ(*exchange.server_first({&key, 1}, fake()),
            "r=" + std::string(v.client_nonce) + std::string(v.server_nonce) + ",s=" + std::string(v.salt) + ",i=4096");
  EXPECT_EQ(*exchange.client_final(v.final), v.answer);
}

TEST(Scram, Rfc5802Section5Vector) {
  expect_vector({"SCRAM-SHA-1", "fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j", "QSXCR+Q6sek8bf92",
                 "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                 "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="});
}

TEST(Scram, Rfc7677Section3Vector) {
  expect_vector({"SCRAM-SHA-256", "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "W22ZaJ0SNY7soEsUEjb6gQ==",
                 "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                 "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                 "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="});
}

TEST(Scram, TheRightPasswordLogsInWithEachMechanism) {
  for (const auto& mechanism : mechanisms()) {
    if (mechanism.kind != Mechanism::Kind::scram) continue;
    Client client{.hash = mechanism.hash};
    if (mechanism.plus) {
      client.header = "p=tls-exporter,,";
      client.binding_data = "exporter bytes";
    }
    const auto ending = run(client, mechanism.plus ? plus_settings(mechanism.name) : settings(mechanism.name),
                            {pencil_key(Hash::sha1), pencil_key(Hash::sha256), pencil_key(Hash::sha512)});
    EXPECT_TRUE(ending.success) << mechanism.name << ": " << ending.reason;
    EXPECT_EQ(ending.bound, mechanism.plus);
  }
}

TEST(Scram, AWrongPasswordIsNotAuthorized) {
  const auto ending = run({.password = "pencils"}, settings("SCRAM-SHA-256"), {pencil_key(Hash::sha256)});
  EXPECT_EQ(ending.condition, Condition::not_authorized);
  EXPECT_EQ(ending.reason, "wrong password");
}

TEST(Scram, AnUnknownAccountLooksLikeAWrongPassword) {
  const auto once = run({.username = "nobody"}, settings("SCRAM-SHA-256"), {});
  const auto again = run({.username = "nobody"}, settings("SCRAM-SHA-256"), {});
  const auto other = run({.username = "nobody2"}, settings("SCRAM-SHA-256"), {});
  EXPECT_EQ(once.condition, Condition::not_authorized);
  const auto salt = [](const Ending& e) { return e.server_first.substr(e.server_first.find(",s=")); };
  EXPECT_EQ(salt(once), salt(again));
  EXPECT_NE(salt(once), salt(other));
  EXPECT_EQ(salt(once).size(), salt(run({}, settings("SCRAM-SHA-256"), {pencil_key(Hash::sha256)})).size());
}

TEST(Scram, AnAccountWithoutAKeyForThisHashIsLikeUnknown) {
  const auto ending = run({}, settings("SCRAM-SHA-256"), {pencil_key(Hash::sha1)});
  EXPECT_EQ(ending.condition, Condition::not_authorized);
}

TEST(Scram, NobodyKnowsThePasswordOfAFakeKey) {
  // Even a client that could compute with the fake stored key must not get in.
  const auto key = fake().key(Hash::sha256, *Jid::parse("user@example.com"));
  auto with = settings("SCRAM-SHA-256");
  ScramExchange exchange(with);
  ASSERT_TRUE(exchange.client_first("n,,n=user,r=abc"));
  const auto first = exchange.server_first({}, fake());
  ASSERT_TRUE(first);
  EXPECT_NE(first->find(crypto::base64_encode(key.salt)), std::string::npos);
  EXPECT_FALSE(exchange.client_final("c=biws,r=" + first->substr(2, first->find(',') - 2) +
                                     ",p=" + crypto::base64_encode(key.stored_key)));
}

TEST(Scram, TheUserNameIsPreparedLikeAJid) {
  ScramExchange exchange(settings("SCRAM-SHA-256"));
  EXPECT_EQ(exchange.client_first("n,,n=USER,r=abc")->full(), "user@example.com");
  ScramExchange other(settings("SCRAM-SHA-256"));
  EXPECT_EQ(other.client_first("n,,n=a=2Cb=3Dc,r=abc")->full(), "a,b=c@example.com");
}

TEST(Scram, ANameOutsideTheGrammarOfJidsIsNotAuthorized) {
  for (const auto* name : {"a@example.com", "a/b", "a b", "\xFF", "a:b"}) {
    ScramExchange exchange(settings("SCRAM-SHA-256"));
    const auto account = exchange.client_first(std::string("n,,n=") + name + ",r=abc");
    ASSERT_FALSE(account) << name;
    EXPECT_EQ(account.error().condition, Condition::not_authorized);
  }
}

TEST(Scram, TheAuthzidMustBeTheUser) {
  const auto with = [](const std::string& authzid) {
    return run({.header = "n,a=" + authzid + ","}, settings("SCRAM-SHA-256"), {pencil_key(Hash::sha256)});
  };
  EXPECT_TRUE(with("user@example.com").success);
  EXPECT_TRUE(with("USER@EXAMPLE.COM").success);
  for (const auto* other :
       {"admin@example.com", "user@example.net", "user@example.com/r", "user", "example.com", "@"}) {
    EXPECT_EQ(with(other).condition, Condition::invalid_authzid) << other;
  }
}

TEST(ScramBinding, AnotherConnectionsDataIsNotAuthorized) {
  const auto ending = run({.header = "p=tls-exporter,,", .binding_data = "another's bytes"}, plus_settings(),
                          {pencil_key(Hash::sha256)});
  EXPECT_EQ(ending.condition, Condition::not_authorized);
  EXPECT_EQ(ending.reason, "channel binding differs");
}

TEST(ScramBinding, ADowngradeIsNoticed) {  // RFC 5802 §6
  auto with = settings("SCRAM-SHA-256");
  EXPECT_TRUE(run({.header = "y,,"}, with, {pencil_key(Hash::sha256)}).success);
  with.plus_offered = true;
  EXPECT_EQ(run({.header = "y,,"}, with, {pencil_key(Hash::sha256)}).condition, Condition::not_authorized);
  EXPECT_TRUE(run({.header = "n,,"}, with, {pencil_key(Hash::sha256)}).success);
}

TEST(ScramBinding, TheHeaderThatWasSentMustBeTheOneThatIsProved) {
  Client client{.header = "n,,"};
  ScramExchange exchange(settings("SCRAM-SHA-256"));
  const auto key = pencil_key(Hash::sha256);
  ASSERT_TRUE(exchange.client_first(client.first()));
  const auto first = exchange.server_first({&key, 1}, fake());
  client.header = "y,,";
  const auto final = exchange.client_final(client.final(*first));
  ASSERT_FALSE(final);
  EXPECT_EQ(final.error().reason, "channel binding differs");
}

TEST(ScramBinding, FlagAndMechanismMustFit) {
  EXPECT_EQ(run({.header = "n,,"}, plus_settings(), {}).condition, Condition::malformed_request);
  EXPECT_EQ(run({.header = "y,,"}, plus_settings(), {}).condition, Condition::malformed_request);
  EXPECT_EQ(run({.header = "p=tls-exporter,,"}, settings("SCRAM-SHA-256"), {}).condition, Condition::malformed_request);
}

TEST(ScramBinding, ATypeThatIsNotOfferedIsRefused) {
  EXPECT_EQ(run({.header = "p=tls-unique,,"}, plus_settings(), {}).condition, Condition::malformed_request);
  auto empty = plus_settings();
  empty.bindings[0].data.clear();  // never bind to nothing
  EXPECT_EQ(run({.header = "p=tls-exporter,,"}, empty, {}).condition, Condition::malformed_request);
}

TEST(ScramBinding, MoreThanOneTypeMayBeOffered) {
  auto with = plus_settings();
  with.bindings.push_back({"tls-server-end-point", "certificate hash"});
  EXPECT_TRUE(
      run({.header = "p=tls-server-end-point,,", .binding_data = "certificate hash"}, with, {pencil_key(Hash::sha256)})
          .success);
}

TEST(Scram, UnknownExtensionsAreIgnoredAndMandatoryOnesRefused) {
  EXPECT_TRUE(run({.extensions = ",x=1,y=2"}, settings("SCRAM-SHA-256"), {pencil_key(Hash::sha256)}).success);
  EXPECT_EQ(run({.extensions = ",m=1"}, settings("SCRAM-SHA-256"), {pencil_key(Hash::sha256)}).condition,
            Condition::malformed_request);
  ScramExchange exchange(settings("SCRAM-SHA-256"));
  EXPECT_EQ(exchange.client_first("n,,m=1,n=user,r=abc").error().condition, Condition::malformed_request);
}

TEST(Scram, AnotherNonceIsNotAuthorized) {
  Client client;
  ScramExchange exchange(settings("SCRAM-SHA-256"));
  const auto key = pencil_key(Hash::sha256);
  ASSERT_TRUE(exchange.client_first(client.first()));
  const auto first = exchange.server_first({&key, 1}, fake());
  auto forged = *first;
  forged.replace(2, 3, "abc");
  const auto final = exchange.client_final(client.final(forged));
  ASSERT_FALSE(final);
  EXPECT_EQ(final.error().reason, "nonce differs");
}

TEST(Scram, EachExchangeHasAFreshNonceWithoutCommas) {
  const auto a = run({}, settings("SCRAM-SHA-256"), {});
  const auto b = run({}, settings("SCRAM-SHA-256"), {});
  EXPECT_NE(a.server_first.substr(0, a.server_first.find(",s=")), b.server_first.substr(0, b.server_first.find(",s=")));
  EXPECT_GE(a.server_first.find(",s="), 2 + std::string_view("rOprNGfwEbeRWgbNEkqO").size() + 24);
}

TEST(Scram, ProofsOfAWrongSizeAreNotAuthorized) {
  for (const auto* proof : {"cA==", "####", "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQAAAA="}) {
    ScramExchange exchange(settings("SCRAM-SHA-256"));
    const auto key = pencil_key(Hash::sha256);
    ASSERT_TRUE(exchange.client_first("n,,n=user,r=abc"));
    const auto first = exchange.server_first({&key, 1}, fake());
    const auto final = exchange.client_final("c=biws,r=" + first->substr(2, first->find(',') - 2) + ",p=" + proof);
    ASSERT_FALSE(final);
    EXPECT_EQ(final.error().condition, Condition::not_authorized);
  }
}

TEST(Scram, StepsOutOfOrderEndTheExchange) {
  ScramExchange exchange(settings("SCRAM-SHA-256"));
  EXPECT_FALSE(exchange.client_final("c=biws,r=abc,p=cA=="));
  EXPECT_FALSE(exchange.client_first("n,,n=user,r=abc"));
  ScramExchange twice(settings("SCRAM-SHA-256"));
  EXPECT_TRUE(twice.client_first("n,,n=user,r=abc"));
  EXPECT_FALSE(twice.client_first("n,,n=user,r=abc"));
  EXPECT_FALSE(twice.server_first({}, fake()));
}

TEST(Scram, ASuccessCannotBeReplayedOnTheSameExchange) {
  Client client;
  ScramExchange exchange(settings("SCRAM-SHA-256"));
  const auto key = pencil_key(Hash::sha256);
  ASSERT_TRUE(exchange.client_first(client.first()));
  const auto final = client.final(*exchange.server_first({&key, 1}, fake()));
  EXPECT_TRUE(exchange.client_final(final));
  EXPECT_FALSE(exchange.client_final(final));
}

TEST(Scram, TheDowngradeHashIsSentAndBound) {  // XEP-0474
  auto with = settings("SCRAM-SHA-256");
  with.downgrade_hash = "0123";
  const auto ending = run({}, with, {pencil_key(Hash::sha256)});
  EXPECT_TRUE(ending.success);
  EXPECT_TRUE(ending.server_first.ends_with(",h=MDEyMw=="));
}

TEST(Scram, AMechanismOfAnotherKindIsAProgrammersMistake) {
  EXPECT_THROW(ScramExchange{settings("PLAIN")}, std::invalid_argument);
  EXPECT_THROW(ScramExchange{settings("NONE")}, std::invalid_argument);
}

}  // namespace
}  // namespace valise::core::auth
