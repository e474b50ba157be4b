#include "core/auth/scram_message.hpp"

#include <gtest/gtest.h>

namespace valise::core::auth {
namespace {

using namespace std::string_literals;

TEST(ScramMessage, ClientFirstInItsParts) {
  const auto first = parse_client_first("p=tls-exporter,a=bob@x.example,n=al=2Ci=3Dce,r=nonce!,x=1,y=a=b");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->binding, 'p');
  EXPECT_EQ(first->binding_name, "tls-exporter");
  EXPECT_EQ(first->authzid, "bob@x.example");
  EXPECT_EQ(first->gs2_header, "p=tls-exporter,a=bob@x.example,");
  EXPECT_EQ(first->bare, "n=al=2Ci=3Dce,r=nonce!,x=1,y=a=b");
  EXPECT_EQ(first->username, "al,i=ce");
  EXPECT_EQ(first->nonce, "nonce!");
  EXPECT_FALSE(first->mandatory_extension);
}

TEST(ScramMessage, ClientFirstOutsideTheGrammarIsRefused) {
  for (const auto& message : {""s,
                              "n"s,
                              "n,"s,
                              "n,,"s,
                              ",,n=a,r=b"s,
                              "x,,n=a,r=b"s,
                              "N,,n=a,r=b"s,
                              "nn,,n=a,r=b"s,
                              "p,,n=a,r=b"s,
                              "p=,,n=a,r=b"s,
                              "p=a b,,n=a,r=b"s,
                              "n,b=x,n=a,r=b"s,
                              "n,a=,n=a,r=b"s,
                              "n,a=x=,n=a,r=b"s,
                              "n,,n=,r=b"s,
                              "n,,n=a"s,
                              "n,,n=a,"s,
                              "n,,n=a,r="s,
                              "n,,n=a,r=b c"s,
                              "n,,n=a,r=b\x7f"s,
                              "n,,n=a,r=\xC3\xA9"s,
                              "n,,r=b,n=a"s,
                              "n,,n=a=2c,r=b"s,
                              "n,,n=a=4,r=b"s,
                              "n,,n=a=,r=b"s,
                              "n,,n=a,r=b,"s,
                              "n,,n=a,r=b,x"s,
                              "n,,n=a,r=b,x="s,
                              "n,,n=a,r=b,1=x"s,
                              "n,,n=a\0,r=b"s,
                              "n,,m=x"s,
                              "n,,x=1,n=a,r=b"s,
                              "n,,n=a,r="s + std::string(513, 'r'),
                              "n,,n="s + std::string(8'192, 'a') + ",r=b"}) {
    EXPECT_FALSE(parse_client_first(message)) << testing::PrintToString(message);
  }
  EXPECT_TRUE(parse_client_first("n,,n=a,r=" + std::string(512, 'r')));
}

TEST(ScramMessage, MandatoryExtensionsAreSeenWhereverTheyStand) {
  EXPECT_TRUE(parse_client_first("n,,m=x,n=a,r=b")->mandatory_extension);
  EXPECT_TRUE(parse_client_first("n,,n=a,r=b,m=x")->mandatory_extension);
  EXPECT_TRUE(parse_client_final("c=biws,r=x,m=1,p=cA==")->mandatory_extension);
}

TEST(ScramMessage, ClientFinalInItsParts) {
  const auto final = parse_client_final("c=biws,r=abc,x=1,p=cA==");
  ASSERT_TRUE(final);
  EXPECT_EQ(final->binding, "biws");
  EXPECT_EQ(final->nonce, "abc");
  EXPECT_EQ(final->proof, "cA==");
  EXPECT_EQ(final->without_proof, "c=biws,r=abc,x=1");
}

TEST(ScramMessage, ClientFinalOutsideTheGrammarIsRefused) {
  for (const auto& message : {""s, "c=biws"s, "c=biws,r=a"s, "c=biws,p=x"s, "r=a,c=biws,p=x"s, "c=,r=a,p=x"s,
                              "c=biws,r=,p=x"s, "c=biws,r=a,p="s, "c=biws,r=a,p=x,"s, "c=biws,r=a,x,p=x"s,
                              "c=biws,r=a,p=x\0"s, "c=biws,r=a,p="s + std::string(8'192, 'x')}) {
    EXPECT_FALSE(parse_client_final(message)) << testing::PrintToString(message);
  }
}

}  // namespace
}  // namespace valise::core::auth
