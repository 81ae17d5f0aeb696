#include <gmock/gmock.h>

#include "connectors/hubspot/decode.h"
#include "connectors/hubspot/encode.h"

namespace hw::connectors::hubspot {
namespace {

using connect::FieldValues;

/// Of the records 101, 102, ...
std::vector<FieldValues> changes(std::size_t n) {
  std::vector<FieldValues> out;
  for (std::size_t i = 0; i < n; ++i)
    out.push_back({{"crm", Object::contact, std::to_string(101 + i)}, {{"first_source", "adwords"}}});
  return out;
}

std::string detail(const std::string& body, std::vector<FieldValues> sent = changes(1)) {
  Result<connect::Answer> answer = decode_update({400, {}, body}, sent);
  return answer ? answer->outcomes[0].detail : "";
}

TEST(HubspotUpdate, ARefusalKeepsCategoryPropertiesAndTheRulesOwnText) {
  EXPECT_EQ(
      detail(
          R"({"category":"VALIDATION_ERROR","message":"no","errors":[{"message":"Close date is required once a deal is won",
                      "code":"REQUIRED","context":{"propertyName":["closedate"]}}]})"),
      "HubSpot refuses (VALIDATION_ERROR): 'closedate': Close date is required once a deal is won");
}

TEST(HubspotUpdate, ARefusalQuotesNoValueAddressOrNumber) {
  std::vector<FieldValues> sent = changes(1);
  sent[0].values = {{"click", "Cj0KCQ-Secret"}, {"channel", "Paid Search"}};
  const std::string said = detail(
      R"({"category":"VALIDATION_ERROR","message":"Cj0KCQ-Secret and Paid Search: jane@example.com, +1 (555) 010-0199 refused in 2 fields"})",
      sent);
  EXPECT_EQ(said, "HubSpot refuses (VALIDATION_ERROR): [value] and [value]: [...] +# refused in 2 fields");
}

TEST(HubspotUpdate, ALongRefusalIsShortened) {
  std::string words;
  for (int i = 0; i < 200; ++i) words += "word ";
  EXPECT_LT(detail(R"({"category":"VALIDATION_ERROR","message":")" + words + R"("})").size(), 260U);
}

TEST(HubspotUpdate, TheBodyTracesEachInputByItsIndex) {
  std::vector<FieldValues> sent = changes(2);
  sent[1].values = {{"campaign", "\"spring\"\n"}, {"count", "3"}};
  EXPECT_EQ(update_body(sent),
            R"({"inputs":[{"id":"101","properties":{"first_source":"adwords"},"objectWriteTraceId":"0"},)"
            R"({"id":"102","properties":{"campaign":"\"spring\"\n","count":"3"},"objectWriteTraceId":"1"}]})");
}

TEST(HubspotUpdate, ReadsExactlyWhatWasAskedFor) {
  const std::vector<RecordRef> records = {{"crm", Object::contact, "101"}, {"crm", Object::contact, "102"}};
  const std::vector<std::string> properties = {"first_at", "source"};
  EXPECT_EQ(values_body(records, properties),
            R"({"inputs":[{"id":"101"},{"id":"102"}],"properties":["first_at","source"],"propertiesWithHistory":[]})");
  auto got = decode_values(R"({"results":[
      {"id":"102","properties":{"source":" as typed ","first_at":"2026-09-21T14:13:20.000Z","email":"x"},"archived":false},
      {"id":"999","properties":{"source":"winner"}},
      {"id":"101","properties":{"source":null},"archived":true}]})",
                           records, properties);
  ASSERT_TRUE(got);
  ASSERT_EQ(got->size(), 1U);
  EXPECT_EQ((*got)[0].ref.id, "102");
  EXPECT_EQ((*got)[0].values,
            (std::map<std::string, std::string>{{"first_at", "2026-09-21T14:13:20Z"}, {"source", " as typed "}}));
  EXPECT_FALSE(decode_values(R"({"results":)", records, properties));
}

}  // namespace
}  // namespace hw::connectors::hubspot
