#include "delivery/source_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "settings/source_fields.h"

namespace hw::delivery {
namespace {

using journey::Journey;
using settings::SourceFields;
using store::WrittenField;
using store::source_fields::hash_of;
using testing::IsEmpty;
using testing::SizeIs;

const Timestamp kMonday = from_micros(1'772'400'000'000'000);  // 2026-03-01T21:20:00Z

journey::JourneyTouch touch(int hours, const std::string& source, const std::string& campaign) {
  journey::JourneyTouch t;
  t.stored.channel = "Paid Search";
  t.stored.touch.at = kMonday + std::chrono::hours(hours) + std::chrono::milliseconds(250);
  t.stored.touch.source = source;
  t.stored.touch.medium = "cpc";
  t.stored.touch.campaign = campaign;
  t.stored.touch.identifiers = {{"ga_client_id", "11." + std::to_string(hours)}};
  return t;
}

SourceFields entry(std::vector<std::pair<std::string, std::string>> fields) {
  SourceFields f;
  f.name = "contacts";
  f.connector = "crm";
  f.fields = std::move(fields);
  return f;
}

Journey two_touches() {
  Journey j;
  j.touches = {touch(0, "google", "spring"), touch(48, "newsletter", "")};
  return j;
}

WrittenField written(const std::string& what, const std::string& field, const std::string& value, int at = 0) {
  return {.record = 1,
          .what = what,
          .field = field,
          .hash = hash_of(value),
          .intended = {},
          .group_at = kMonday + std::chrono::hours(at) + std::chrono::milliseconds(250),
          .written_at = kMonday};
}

std::vector<store::OwnValue> own(const std::vector<WrittenField>& written) {
  std::vector<store::OwnValue> out;
  for (const WrittenField& w : written) out.push_back({w.what, w.field, *w.hash});
  return out;
}

const FieldGroup& group_of(const std::vector<FieldGroup>& groups, const std::string& field) {
  for (const FieldGroup& g : groups)
    if (g.values.contains(field)) return g;
  throw std::runtime_error("no group writes " + field);
}

TEST(SourceValues, FieldsOfOneTouchStandTogetherAndAnAbsentOneIsEmpty) {
  const auto groups = source_values(entry({{"first_source", "fs"},
                                           {"first_campaign", "fc"},
                                           {"first_at", "fa"},
                                           {"last_source", "ls"},
                                           {"last_campaign", "lc"},
                                           {"identifier.ga_client_id", "ga"},
                                           {"touches", "n"},
                                           {"last_seen", "seen"}}),
                                    {}, two_touches(), kMonday + std::chrono::hours(100));
  ASSERT_THAT(groups, SizeIs(5));
  const FieldGroup& first = group_of(groups, "fs");
  EXPECT_EQ(first.values.at("fs"), "google");
  EXPECT_EQ(first.values.at("fc"), "spring");
  EXPECT_EQ(first.values.at("fa"), "2026-03-01T21:20:00Z");
  const FieldGroup& last = group_of(groups, "ls");
  EXPECT_EQ(last.values.at("ls"), "newsletter");
  EXPECT_EQ(last.values.at("lc"), "");
  EXPECT_EQ(group_of(groups, "ga").values.at("ga"), "11.0");
  EXPECT_EQ(group_of(groups, "n").values.at("n"), "2");
  EXPECT_EQ(group_of(groups, "seen").values.at("seen"), "2026-03-03T21:20:00Z");
}

/// A touch each of whose parts has a value of its own.
journey::JourneyTouch distinct_touch(int hours, const std::string& which) {
  journey::JourneyTouch t = touch(hours, which + " source", which + " campaign");
  t.stored.channel = which + " channel";
  t.stored.touch.medium = which + " medium";
  t.stored.touch.term = which + " term";
  t.stored.touch.content = which + " content";
  t.stored.touch.landing_page = "https://www.example.com/" + which;
  t.stored.touch.referrer = "https://referrer.example.com/" + which;
  return t;
}

struct NamedValue {
  const char *name, *value;
};

/// What each name writes for three touches: "first" at 0 h, one in between, "last" at 48 h.
const std::vector<NamedValue> kNamedValues{
    {"first_channel", "first channel"},
    {"first_source", "first source"},
    {"first_medium", "first medium"},
    {"first_campaign", "first campaign"},
    {"first_term", "first term"},
    {"first_content", "first content"},
    {"first_landing_page", "https://www.example.com/first"},
    {"first_referrer", "https://referrer.example.com/first"},
    {"first_at", "2026-03-01T21:20:00Z"},
    {"last_channel", "last channel"},
    {"last_source", "last source"},
    {"last_medium", "last medium"},
    {"last_campaign", "last campaign"},
    {"last_term", "last term"},
    {"last_content", "last content"},
    {"last_landing_page", "https://www.example.com/last"},
    {"last_referrer", "https://referrer.example.com/last"},
    {"last_at", "2026-03-03T21:20:00Z"},
    {"touches", "3"},
    {"first_seen", "2026-03-01T21:20:00Z"},
    {"last_seen", "2026-03-03T21:20:00Z"},
    {"identifier.ga_client_id", "11.0"},
    {"identifier.gclid", "click-between"},
    {"identifier.user_id", "user of the record"},
};

class SourceFieldName : public testing::TestWithParam<NamedValue> {
 protected:
  SourceFieldName() : fields_(entry({{GetParam().name, "field"}})) {
    journey_.touches = {distinct_touch(0, "first"), distinct_touch(24, "between"), distinct_touch(48, "last")};
    journey_.touches[1].stored.touch.identifiers.push_back({"gclid", "click-between"});
    record_.identifiers = {{"user_id", "user of the record"}};
  }
  SourceFields fields_;
  Journey journey_;
  store::StoredRecord record_;
};

TEST_P(SourceFieldName, IsWrittenWithItsOwnValue) {
  const auto groups = source_values(fields_, record_, journey_, kMonday + std::chrono::hours(100));
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_EQ(groups[0].values.at("field"), GetParam().value);
  EXPECT_EQ(groups[0].whats.at("field"), GetParam().name);
}

TEST_P(SourceFieldName, KnowsItsValueAsItsOwn) {
  EXPECT_TRUE(is_own(values_of_any_time(fields_, record_, journey_), "field", GetParam().value));
}

INSTANTIATE_TEST_SUITE_P(Table, SourceFieldName, testing::ValuesIn(kNamedValues), [](const auto& c) {
  std::string name = c.param.name;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

TEST(SourceValues, EveryNameOfTheConfigurationHasARowInTheTable) {
  std::vector<std::string> rows;
  for (const NamedValue& row : kNamedValues)
    if (std::string(row.name).rfind("identifier.", 0) != 0) rows.push_back(row.name);
  EXPECT_THAT(rows, testing::UnorderedElementsAreArray(settings::source_field_names()));
}

TEST(SourceValues, APlaceholderNeverGetsIn) {
  Journey j;
  j.touches = {touch(0, "(not set)", "undefined")};
  j.touches[0].stored.touch.medium = "null";
  j.touches[0].stored.touch.identifiers = {{"ga_client_id", "undefined"}};
  EXPECT_THAT(source_values(entry({{"first_source", "fs"}, {"first_medium", "fm"}, {"identifier.ga_client_id", "ga"}}),
                            {}, j, kMonday),
              IsEmpty());
}

TEST(SourceValues, WhatTheCrmSaysOfASourceCountsOnlyWhereNobodySawThePersonCome) {
  const SourceFields last = entry({{"last_source", "ls"}});
  Journey j = two_touches();
  j.touches.push_back(touch(72, "partner", ""));
  j.touches.back().stored.touch.kind = "crm_source";
  EXPECT_EQ(source_values(last, {}, j, kMonday + std::chrono::hours(100))[0].values.at("ls"), "newsletter");
  j.touches.erase(j.touches.begin(), j.touches.begin() + 2);
  EXPECT_EQ(source_values(last, {}, j, kMonday + std::chrono::hours(100))[0].values.at("ls"), "partner");
  j.touches[0].stored.touch.medium = "offline";
  EXPECT_THAT(source_values(last, {}, j, kMonday + std::chrono::hours(100)), IsEmpty());
}

TEST(SourceValues, ARecordWithoutTouchesSaysNothing) {
  EXPECT_THAT(source_values(entry({{"first_source", "fs"}, {"touches", "n"}, {"first_seen", "s"}}), {}, {}, kMonday),
              IsEmpty());
}

struct ChoiceCase {
  const char* name;
  std::map<std::string, std::string> current;
  std::vector<WrittenField> written;
  SourceFields::Overwrite overwrite;
  Choice expected;
};

class SourceFieldChoice : public testing::TestWithParam<ChoiceCase> {};

TEST_P(SourceFieldChoice, Follows) {
  const auto groups = source_values(entry({{"first_source", "fs"}, {"first_campaign", "fc"}}), {}, two_touches(),
                                    kMonday + std::chrono::hours(100));
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_EQ(choose(groups[0], GetParam().current, GetParam().written, own(GetParam().written), GetParam().overwrite),
            GetParam().expected);
}

constexpr auto kOurs = SourceFields::Overwrite::ours;
constexpr auto kAlways = SourceFields::Overwrite::always;
INSTANTIATE_TEST_SUITE_P(
    Table, SourceFieldChoice,
    testing::Values(
        ChoiceCase{"EmptyFieldsAreFilled", {{"fs", ""}, {"fc", ""}}, {}, kOurs, Choice::write},
        ChoiceCase{"AbsentFieldsAreEmpty", {}, {}, kOurs, Choice::write},
        ChoiceCase{"TheSameIsLeftAlone", {{"fs", "google"}, {"fc", "spring"}}, {}, kOurs, Choice::unchanged},
        ChoiceCase{
            "APersonsEntryKeepsItsWholeGroup", {{"fs", "trade fair"}, {"fc", ""}}, {}, kOurs, Choice::kept_theirs},
        ChoiceCase{"APersonsChangeOfOurValueIsTheirs",
                   {{"fs", "trade fair"}, {"fc", "spring"}},
                   {written("first_source", "fs", "bing", 5), written("first_campaign", "fc", "spring", 5)},
                   kOurs,
                   Choice::kept_theirs},
        ChoiceCase{"OurEarlierValueIsReplacedWhenAnEarlierTouchArrived",
                   {{"fs", "bing"}, {"fc", ""}},
                   {written("first_source", "fs", "bing", 5)},
                   kOurs,
                   Choice::write},
        ChoiceCase{"ALaterFirstTouchChangesNothing",
                   {{"fs", "bing"}, {"fc", ""}},
                   {written("first_source", "fs", "bing", -5)},
                   kOurs,
                   Choice::unchanged},
        ChoiceCase{"AlwaysOverwritesAPersonsEntry", {{"fs", "trade fair"}, {"fc", ""}}, {}, kAlways, Choice::write},
        ChoiceCase{"WhatWasWrittenToAnotherFieldSaysNothing",
                   {{"fs", "bing"}, {"fc", ""}},
                   {written("first_source", "old_field", "bing", 5)},
                   kOurs,
                   Choice::kept_theirs}),
    [](const auto& c) { return std::string(c.param.name); });

TEST(SourceValues, WhatWasWrittenLastNeedsNobodyToBeAsked) {
  const auto groups = source_values(entry({{"first_source", "fs"}}), {}, two_touches(), kMonday);
  EXPECT_TRUE(written_already(groups[0], {written("first_source", "fs", "google")}));
  EXPECT_FALSE(written_already(groups[0], {written("first_source", "fs", "bing", 5)}));
  WrittenField half = written("first_source", "fs", "google");
  half.intended = hash_of("google");
  EXPECT_FALSE(written_already(groups[0], {half}));
}

}  // namespace
}  // namespace hw::delivery
