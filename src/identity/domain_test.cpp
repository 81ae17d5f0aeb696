#include "identity/domain.h"

#include <gtest/gtest.h>

#include "identity/countries.h"

namespace hw::identity {
namespace {

TEST(Domain, HostIsFoundInUrlsAddressesAndBareNames) {
  EXPECT_EQ(host_of("https://www.Example.co.uk:8443/a?b#c"), "www.example.co.uk");
  EXPECT_EQ(host_of("jane@Example.com"), "example.com");
  EXPECT_EQ(host_of("example.com/path@x"), "example.com");
  EXPECT_EQ(host_of("android-app://com.example.mail/"), "com.example.mail");
  EXPECT_EQ(host_of("http://user:pw@example.com./"), "example.com");
  EXPECT_EQ(host_of("http://[2001:db8::1]:80/"), "2001:db8::1");
  EXPECT_EQ(host_of("not a host"), "");
  EXPECT_EQ(host_of(""), "");
}

TEST(Domain, RegistrableDomainFollowsThePublicSuffixList) {
  EXPECT_EQ(registrable_domain("https://www.example.co.uk/x"), "example.co.uk");
  EXPECT_EQ(registrable_domain("jane@mail.example.com"), "example.com");
  EXPECT_EQ(registrable_domain("a.b.github.io"), "b.github.io");
  EXPECT_EQ(registrable_domain("co.uk"), "");
  EXPECT_EQ(registrable_domain("localhost"), "");
  EXPECT_EQ(registrable_domain("http://127.0.0.1/"), "");
  EXPECT_EQ(registrable_domain("http://[2001:db8::1]/"), "");
}

TEST(Domain, FreeMailIsNeverAnAccount) {
  EXPECT_TRUE(is_free_mail("gmail.com"));
  EXPECT_TRUE(is_free_mail("Jane@GMX.de"));
  EXPECT_TRUE(is_free_mail("mail.yahoo.co.uk"));
  EXPECT_FALSE(is_free_mail("example.com"));
  EXPECT_TRUE(is_free_mail("example.com", {"example.com"}));
}

TEST(Countries, CodeComesFromCodesAndEnglishNames) {
  struct Row {
    const char *text, *code;
  };
  for (const Row& row : {Row{"DE", "DE"},
                         Row{"de", "DE"},
                         Row{"deu", "DE"},
                         Row{" Germany ", "DE"},
                         Row{"UNITED STATES", "US"},
                         Row{"United States of America", "US"},
                         Row{"U.S.A.", "US"},
                         Row{"US", "US"},
                         Row{"uk", "GB"},
                         Row{"Great Britain", "GB"},
                         Row{"C\xC3\xB4te d'Ivoire", "CI"},
                         Row{"Cote d\xE2\x80\x99Ivoire", "CI"},
                         Row{"S\xC3\xA3o Tom\xC3\xA9 and Pr\xC3\xADncipe", "ST"},
                         Row{"\xC3\x85land Islands", "AX"},
                         Row{"Korea, Republic of", "KR"},
                         Row{"South Korea", "KR"},
                         Row{"Bosnia & Herzegovina", "BA"},
                         Row{"Czechia", "CZ"},
                         Row{"Czech Republic", "CZ"},
                         Row{"Turkey", "TR"},
                         Row{"The Netherlands", "NL"},
                         Row{"XK", "XK"},
                         Row{"Zimbabwe", "ZW"},
                         Row{"Afghanistan", "AF"},
                         Row{"XX", ""},
                         Row{"EU", ""},
                         Row{"D ", ""},
                         Row{"Europe", ""},
                         Row{"", ""},
                         Row{"E A", ""}}) {
    EXPECT_EQ(country_code(row.text), row.code) << row.text;
  }
}

}  // namespace
}  // namespace hw::identity
