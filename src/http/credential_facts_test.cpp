#include "http/credential_facts.h"

#include <gtest/gtest.h>

namespace hw::http {
namespace {

SystemTime moment(std::int64_t at) { return SystemTime(std::chrono::seconds(at)); }

TEST(CredentialFactsText, IsReadAsItWasWritten) {
  const CredentialFacts written{.by_login = true,
                                .rotated = true,
                                .since = moment(1),
                                .ends_at = moment(2),
                                .refreshed_at = moment(3),
                                .failed_at = moment(4),
                                .failure = "credential 'a': \"quoted\"",
                                .signed_out = true,
                                .token_mark = "0123abcd"};
  const CredentialFacts read = read_facts(facts_text(written));
  EXPECT_EQ(read.by_login, written.by_login);
  EXPECT_EQ(read.rotated, written.rotated);
  EXPECT_EQ(read.since, written.since);
  EXPECT_EQ(read.ends_at, written.ends_at);
  EXPECT_EQ(read.refreshed_at, written.refreshed_at);
  EXPECT_EQ(read.failed_at, written.failed_at);
  EXPECT_EQ(read.failure, written.failure);
  EXPECT_EQ(read.signed_out, written.signed_out);
  EXPECT_EQ(read.token_mark, written.token_mark);
}

TEST(CredentialFactsText, ThatIsNoneTellsNothing) {
  for (const char* text : {"", "nonsense", "[]", "7", R"({"since":"yesterday","signed_out":1})"})
    EXPECT_FALSE(read_facts(text).is_known()) << text;
}

TEST(CredentialEnd, IsTheEarlierOfWhatIsConfiguredAndWhatTheServerTold) {
  CredentialFacts facts;
  EXPECT_EQ(ends_at({}, facts), std::nullopt);
  EXPECT_EQ(ends_at(moment(5), facts), moment(5));
  facts.ends_at = moment(3);
  EXPECT_EQ(ends_at({}, facts), moment(3));
  EXPECT_EQ(ends_at(moment(5), facts), moment(3));
  EXPECT_EQ(ends_at(moment(2), facts), moment(2));
}

}  // namespace
}  // namespace hw::http
