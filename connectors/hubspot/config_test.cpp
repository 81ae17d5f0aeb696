#include "connectors/hubspot/config.h"

#include <gmock/gmock.h>

#include "conformance/fill_defaults.h"

namespace hw::connectors::hubspot {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Pairs = std::vector<std::pair<std::string, std::string>>;

connect::Options with(const conformance::Overrides& overrides) {
  conformance::Overrides all = overrides;
  all.emplace_back("credential", std::string("portal"));
  return conformance::fill_defaults(option_declarations(), all);
}

connect::Options with_contacts(const Pairs& mapping) {
  connect::Options group;
  group.set("contacts", mapping);
  group.set("companies", Pairs{});
  group.set("deals", Pairs{});
  return with({{"properties", std::vector<connect::Options>{group}}});
}

Config read(const connect::Options& options, const NamedFields& fields, std::vector<connect::OptionError>& errors,
            const connect::Vocabulary* vocabulary = nullptr) {
  return read_config(options, fields, "crm", vocabulary, errors);
}

TEST(HubspotConfig, DefaultsReadHubspotsOwnProperties) {
  std::vector<connect::OptionError> errors;
  const Config c = read(with({}), {}, errors);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_EQ(c.token_url, "https://api.hubapi.com/oauth/2026-09/token");
  EXPECT_EQ(c.crm, "crm");
  EXPECT_EQ(c.contacts.property("gclid"), "hs_google_click_id");
  EXPECT_THAT(c.contacts.properties(), Contains("hs_merged_object_ids"));
  EXPECT_THAT(c.contacts.properties(), Contains("lastmodifieddate"));
  EXPECT_THAT(c.deals.properties(), Contains("hs_lastmodifieddate"));
  EXPECT_THAT(c.deals.history_properties(), ElementsAre("amount", "dealstage", "pipeline"));
  EXPECT_THAT(c.contacts.history_properties(), IsEmpty());
  EXPECT_THAT(c.contacts.properties(), Not(Contains("city")))
      << "city and postal code are read only where they are mapped";
}

TEST(HubspotConfig, TheMappingReplacesAddsAndSwitchesOff) {
  std::vector<connect::OptionError> errors;
  connect::Vocabulary vocabulary;
  vocabulary.identifiers.push_back({"dclid", connect::IdKind::click, "dclid", "", "", ""});
  const Config c =
      read(with_contacts({{"ga_client_id", "ga_cid"}, {"dclid", "dclid__c"}, {"referrer", ""}, {"city", "city"}}), {},
           errors, &vocabulary);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_EQ(c.contacts.property("ga_client_id"), "ga_cid");
  EXPECT_EQ(c.contacts.property("dclid"), "dclid__c");
  EXPECT_EQ(c.contacts.property("referrer"), "");
  EXPECT_THAT(c.contacts.properties(), Not(Contains("hs_analytics_first_referrer")));
}

TEST(HubspotConfig, AnUnknownNameOfTheMappingIsAnErrorWithTheNearestOne) {
  std::vector<connect::OptionError> errors;
  connect::Vocabulary vocabulary;
  read(with_contacts({{"ga_clientid", "x"}}), {}, errors, &vocabulary);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_THAT(errors[0].message, HasSubstr("'ga_clientid'"));
  EXPECT_THAT(errors[0].message, HasSubstr("did you mean 'ga_client_id'?"));
}

TEST(HubspotConfig, FieldsOfStagesAndGoalsAreRequestedUnderTheirOwnName) {
  std::vector<connect::OptionError> errors;
  const Config c = read(with({}),
                        {{Object::deal, "dealstage"},
                         {Object::deal, "stage"},
                         {Object::deal, "margin__eur"},
                         {Object::contact, "lifecycle"}},
                        errors);
  EXPECT_THAT(errors, IsEmpty());
  auto named = [](const std::vector<Field>& fields, const std::string& name) {
    for (const Field& f : fields)
      if (f.name == name) return f.property;
    return std::string();
  };
  EXPECT_EQ(named(c.deals.fields, "dealstage"), "dealstage");
  EXPECT_EQ(named(c.deals.fields, "stage"), "dealstage");
  EXPECT_EQ(named(c.deals.fields, "margin__eur"), "margin__eur");
  EXPECT_EQ(named(c.deals.history, "margin__eur"), "margin__eur");
  EXPECT_EQ(named(c.contacts.history, "lifecycle"), "lifecyclestage");
  EXPECT_THAT(c.deals.properties(), Contains("margin__eur"));
}

TEST(HubspotConfig, NoStageOrGoalCanDependOnPersonalData) {
  for (const char* name : {"email", "phone", "firstname", "family_name", "mobilephone", "zip"}) {
    std::vector<connect::OptionError> errors;
    read(with_contacts({{"postal_code", "zip"}}), {{Object::contact, name}}, errors);
    ASSERT_EQ(errors.size(), 1U) << name;
    EXPECT_THAT(errors[0].message, HasSubstr(name));
  }
}

TEST(HubspotConfig, PlainHttpIsForLoopbackAlone) {
  struct Row {
    const char* url;
    std::size_t errors;
  };
  for (const Row& row :
       {Row{"https://api.hubapi.com/", 0}, Row{"http://127.0.0.1:8080/hubspot", 0}, Row{"http://api.hubapi.com", 2}}) {
    std::vector<connect::OptionError> errors;
    read(with({{"base_url", std::string(row.url)}}), {}, errors);
    EXPECT_EQ(errors.size(), row.errors) << row.url;
  }
}

}  // namespace
}  // namespace hw::connectors::hubspot
