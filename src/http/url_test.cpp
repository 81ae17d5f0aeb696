#include "http/url.h"

#include <gtest/gtest.h>

#include "http/client.h"

namespace hw::http {
namespace {

TEST(HttpUrl, PlainHttpIsForLoopbackOnly) {
  struct Row {
    const char* url;
    bool allowed, loopback;
  };
  const Row rows[] = {
      {"https://api.example.com/v1", true, false},
      {"https://api.example.com:8443", true, false},
      {"https://127.0.0.1:8443/", true, true},
      {"http://127.0.0.1:8080/x", true, true},
      {"http://[::1]:8080/x", true, true},
      {"http://localhost/", true, true},
      {"HTTP://LOCALHOST/", true, true},
      {"http://api.example.com/", false, false},
      {"http://127.0.0.1.example.com/", false, false},
      {"http://localhost.example.com/", false, false},
      {"http://127.0.0.1@example.com/", false, false},
      {"http://example.com#@127.0.0.1/", false, false},
      {"http://example.com\\@127.0.0.1/", false, false},
      {"https://user:secret@api.example.com/", false, false},
      {"https://user@api.example.com/", false, false},
      {"ftp://127.0.0.1/", false, false},
      {"file:///etc/passwd", false, false},
      {"api.example.com/v1", false, false},
      {"https://", false, false},
      {"https:///v1", false, false},
      {"https://api example.com/", false, false},
      {"", false, false},
  };
  for (const auto& row : rows) {
    const auto checked = check_url(row.url);
    EXPECT_EQ(checked.has_value(), row.allowed) << row.url;
    EXPECT_EQ(is_loopback_url(row.url), row.loopback) << row.url;
    if (checked) continue;
    EXPECT_EQ(checked.error().action, Action::pause) << row.url;
    EXPECT_EQ(checked.error().code, "url") << row.url;
    EXPECT_EQ(checked.error().detail.find("secret"), std::string::npos) << checked.error().detail;
  }
}

TEST(HttpUrl, AByteZeroHidesNothing) {
  EXPECT_FALSE(check_url(std::string_view("https://api.example.com\0.evil.example/", 39)));
}

TEST(HttpUrl, ThePlaceHoldsHostAndPathAlone) {
  EXPECT_EQ(place_of("https://u:p@API.example.com:8443/v1/items?key=s3cr3t#f"), "api.example.com:8443/v1/items");
  EXPECT_EQ(place_of("https://api.example.com"), "api.example.com/");
  EXPECT_EQ(place_of("not a url ?s3cr3t"), "(unreadable URL)");
}

TEST(HttpUrl, AnAddressInThePathIsMasked) {
  EXPECT_EQ(place_of("https://api.example.com/contacts/jane%40example.com/profile"),
            "api.example.com/contacts/***/profile");
  EXPECT_EQ(place_of("https://api.example.com/contacts/jane@example.com"), "api.example.com/contacts/***");
}

}  // namespace
}  // namespace hw::http
