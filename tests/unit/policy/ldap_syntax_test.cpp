#include "policy/ldap_syntax.hpp"

#include <gmock/gmock.h>

namespace valise::policy {
namespace {

using testing::HasSubstr;

TEST(LdapFilter, TakesWhatRfc4515Shows) {
  for (const char* filter : {"(cn=Babs Jensen)",
                             "(!(cn=Tim Howes))",
                             "(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))",
                             "(o=univ*of*mich*)",
                             "(seeAlso=)",
                             "(cn:caseExactMatch:=Fred Flintstone)",
                             "(cn:=Betty Rubble)",
                             "(sn:dn:2.4.6.8.10:=Barney Rubble)",
                             "(o:dn:=Ace Industry)",
                             "(:1.2.3:=Wilma Flintstone)",
                             "(:DN:2.4.6.8.10:=Dino)",
                             "(o=Parens R Us \\28for all your parenthetical needs\\29)",
                             "(cn=*\\2A*)",
                             "(filename=C:\\5cMyFile)",
                             "(sn=Lu\\c4\\8di\\c4\\87)",
                             "(a>=1)",
                             "(a<=1)",
                             "(a~=1)",
                             "(mail=*)",
                             "(memberOf=cn=justice,ou=groups,dc=example,dc=org)",
                             "(1.3.6.1=x)",
                             "(mail;lang-fr=x)"}) {
    EXPECT_EQ(filter_fault(filter), "") << filter;
  }
}

TEST(LdapFilter, RefusesWhatIsNone) {
  for (const char* filter :
       {"", "cn=x", "(cn=x", "(cn=x))", "(cn)", "()", "(&)", "(!(a=b)(c=d))", "(=x)", "(c n=x)", "(cn=a(b)", "(cn=\\)",
        "(cn=\\4)", "(cn=\\zz)", "(a=b)(c=d)", "(&(a=b)", "((a=b))", "(:=x)"}) {
    EXPECT_NE(filter_fault(filter), "") << filter;
  }
  EXPECT_THAT(filter_fault("(cn=x"), HasSubstr("\")\" is wanted, at byte 6"));
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "(!";
  EXPECT_THAT(filter_fault(deep + "(a=b)" + std::string(40, ')')), HasSubstr("at most 32 filters"));
  EXPECT_NE(filter_fault(std::string_view("(a=\0)", 5)), "");
}

std::string uri_fault(std::string_view text) {
  LdapUri uri;
  return read_ldap_uri(text, uri);
}

TEST(LdapUri, NamesOneServer) {
  for (const char* uri : {"ldaps://ldap.example.org", "ldap://ldap.example.org:389", "ldaps://[2001:db8::1]:636",
                          "ldap://127.0.0.1:1", "ldapi://%2Frun%2Fslapd%2Fldapi"}) {
    EXPECT_EQ(uri_fault(uri), "") << uri;
  }
  for (const char* uri :
       {"", "ldap.example.org", "LDAP://x", "ldaps://", "ldaps://:636", "ldaps://x/dc=y", "ldaps://x?mail",
        "ldaps://x ldap://y", "ldaps://x:0", "ldaps://x:65536", "ldaps://x:", "ldaps://a@b", "ldaps://[::1",
        "ldaps://[]", "ldaps://x\n", "ldapi://", "ldapi:///run/x", "ldapi://%2", "ldaps://x,y"}) {
    EXPECT_NE(uri_fault(uri), "") << uri;
  }
}

TEST(LdapUri, KnowsThisMachineByItsNumbersOnly) {
  for (const auto& [text, loopback] :
       std::initializer_list<std::pair<const char*, bool>>{{"ldap://127.0.0.1", true},
                                                           {"ldap://127.9.8.7:3890", true},
                                                           {"ldap://[::1]:389", true},
                                                           {"ldap://localhost", false},
                                                           {"ldap://127.example.org", false},
                                                           {"ldap://10.0.0.1", false},
                                                           {"ldap://[::2]", false}}) {
    LdapUri uri;
    EXPECT_EQ(read_ldap_uri(text, uri), "") << text;
    EXPECT_EQ(uri.loopback, loopback) << text;
  }
}

TEST(LdapNames, AreDistinguishedNamesAndAttributes) {
  for (const char* dn : {"dc=example,dc=org", "ou=a\\,b,dc=x", "cn=a+sn=b, dc=x", "cn=", "1.2.3=x", "cn=a=b"}) {
    EXPECT_EQ(dn_fault(dn), "") << dn;
  }
  for (const char* dn : {"example.org", "dc=a,", "dc=a,b", "=x", "dc=a\\", "dc=a\nb", ",dc=a"}) {
    EXPECT_NE(dn_fault(dn), "") << dn;
  }
  for (const char* name : {"mail", "mail;lang-fr", "0.9.2342.19200300.100.1.3", "x-jid"}) {
    EXPECT_EQ(attribute_fault(name), "") << name;
  }
  for (const char* name : {"", "*", "+", "1.1.", "ma il", "-x", "m\xc3\xa9l"}) {
    EXPECT_NE(attribute_fault(name), "") << name;
  }
}

}  // namespace
}  // namespace valise::policy
