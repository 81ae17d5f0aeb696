#include <gtest/gtest.h>

#include "base/zone.h"
#include "http/client.h"

namespace hw::http {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

SystemTime at(const char* text) { return read_time(text, Zone::utc())->at; }

const SystemTime kNow = at("2026-11-20T12:00:00Z");

Response with(int status, std::vector<std::pair<std::string, std::string>> headers = {}) {
  return Response{.status = status, .headers = std::move(headers), .body = "someone@example.com secret-body"};
}

TEST(HttpResponse, HeadersAreFoundInAnyCase) {
  const auto r = with(200, {{"x-request-id", "abc"}});
  EXPECT_EQ(r.header("X-Request-ID"), "abc");
  EXPECT_EQ(r.header("x-other"), "");
}

TEST(HttpResponse, RetryAfterIsReadInBothForms) {
  struct Row {
    const char* name;
    const char* value;
    std::optional<Duration> expected;
  };
  const Row rows[] = {
      {"seconds", "120", seconds(120)},
      {"zero", "0", seconds(0)},
      {"IMF date", "Fri, 20 Nov 2026 12:01:30 GMT", seconds(90)},
      {"RFC 850 date", "Friday, 20-Nov-26 12:01:30 GMT", seconds(90)},
      {"asctime date", "Fri Nov 20 12:01:30 2026", seconds(90)},
      {"a date that has passed", "Fri, 20 Nov 2026 11:00:00 GMT", seconds(0)},
      {"absent", "", std::nullopt},
      {"negative", "-5", std::nullopt},
      {"a fraction", "1.5", std::nullopt},
      {"words", "in a short while, please be patient", std::nullopt},
      {"too large for an integer", "99999999999999999999", std::nullopt},
      {"centuries", "9999999999", std::nullopt},
      {"a date centuries ahead", "Fri, 20 Nov 2626 12:00:00 GMT", std::nullopt},
  };
  for (const auto& row : rows) {
    const auto r = *row.value == '\0' ? with(429) : with(429, {{"retry-after", row.value}});
    EXPECT_EQ(r.retry_after(kNow), row.expected) << row.name;
  }
}

TEST(HttpResponse, ADateToWaitForIsCountedOnTheServersClock) {
  struct Row {
    const char* name;
    const char* date;
    Duration expected;
  };
  const std::initializer_list<Row> rows = {{"our clock is right", "Fri, 20 Nov 2026 12:00:00 GMT", seconds(90)},
                                           {"ours is an hour fast", "Fri, 20 Nov 2026 11:00:00 GMT", seconds(3690)},
                                           {"ours is an hour slow", "Fri, 20 Nov 2026 13:00:00 GMT", seconds(0)},
                                           {"no date of theirs", "soon", seconds(90)}};
  for (const Row& row : rows) {
    const auto r = with(429, {{"retry-after", "Fri, 20 Nov 2026 12:01:30 GMT"}, {"date", row.date}});
    EXPECT_EQ(r.retry_after(kNow), row.expected) << row.name;
    EXPECT_EQ(with(429, {{"retry-after", "90"}, {"date", row.date}}).retry_after(kNow), seconds(90)) << row.name;
  }
}

TEST(HttpResponse, TheServersClockIsItsDateHeader) {
  EXPECT_EQ(with(200, {{"date", "Fri, 20 Nov 2026 12:01:30 GMT"}}).date(), kNow + seconds(90));
  EXPECT_EQ(with(200, {{"date", "yesterday"}}).date(), std::nullopt);
  EXPECT_EQ(with(200).date(), std::nullopt);
}

TEST(HttpResponse, EachStatusHasItsClass) {
  struct Row {
    int status;
    Action action;
    const char* code;
    bool maybe_applied;
  };
  const Row rows[] = {
      {204, Action::retry, "http_204", true},       {301, Action::pause, "http_404", false},
      {307, Action::pause, "http_404", false},      {400, Action::reject_row, "http_400", false},
      {401, Action::pause, "http_401", false},      {403, Action::pause, "http_403", false},
      {404, Action::pause, "http_404", false},      {407, Action::pause, "http_407", false},
      {408, Action::retry, "http_408", false},      {409, Action::reject_row, "http_409", false},
      {422, Action::reject_row, "http_422", false}, {425, Action::retry, "http_425", false},
      {429, Action::retry, "http_429", false},      {500, Action::retry, "http_500", true},
      {502, Action::retry, "http_502", true},       {503, Action::retry, "http_503", true},
      {504, Action::retry, "http_504", true},       {524, Action::retry, "http_524", true},
      {302, Action::pause, "http_404", false},      {308, Action::pause, "http_404", false},
  };
  for (const auto& row : rows) {
    const Error e = classify_status(with(row.status), kNow);
    EXPECT_EQ(e.action, row.action) << row.status;
    EXPECT_EQ(e.code, row.code) << row.status;
    EXPECT_EQ(e.maybe_applied, row.maybe_applied) << row.status;
    EXPECT_EQ(e.detail.find("example.com"), std::string::npos) << e.detail;
  }
}

TEST(HttpResponse, WhatPausesSaysHowToMendIt) {
  struct Row {
    int status;
    const char* says;
  };
  for (const Row& row : std::initializer_list<Row>{{302, "correct base_url"},
                                                   {401, "sign in again"},
                                                   {403, "give its account the right"},
                                                   {404, "check base_url"},
                                                   {407, "HTTPS_PROXY"}}) {
    const Error e = classify_status(with(row.status), kNow);
    EXPECT_NE(e.detail.find(row.says), std::string::npos) << e.detail;
  }
}

TEST(HttpResponse, ARetryCarriesTheServersWish) {
  const auto wish = std::pair<std::string, std::string>{"retry-after", "7"};
  EXPECT_EQ(classify_status(with(429, {wish}), kNow).retry_after, seconds(7));
  EXPECT_EQ(classify_status(with(503, {wish}), kNow).retry_after, seconds(7));
  EXPECT_EQ(classify_status(with(503), kNow).retry_after, std::nullopt);
}

TEST(HttpResponse, ARedirectNamesItsHostButNotItsQuery) {
  const Error away =
      classify_status(with(302, {{"location", "https://login.example.com/start?token=s3cr3t#s3cr3t"}}), kNow);
  EXPECT_NE(away.detail.find("login.example.com/start"), std::string::npos) << away.detail;
  EXPECT_EQ(away.detail.find("s3cr3t"), std::string::npos) << away.detail;
  const Error within = classify_status(with(302, {{"location", "/start?token=s3cr3t"}}), kNow);
  EXPECT_NE(within.detail.find("same host"), std::string::npos) << within.detail;
  EXPECT_EQ(within.detail.find("s3cr3t"), std::string::npos) << within.detail;
}

}  // namespace
}  // namespace hw::http
