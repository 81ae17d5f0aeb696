#include "store/source_fields.h"

#include "store/records.h"
#include "store/store_fixture.h"

namespace hw::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SourceFieldsTest : public EngineTest {};
HW_BOTH_ENGINES(SourceFieldsTest);

WrittenField written(std::int64_t record, const std::string& value, int seconds) {
  return {.record = record,
          .what = "first_source",
          .field = "hw_first_source",
          .hash = source_fields::hash_of(value),
          .intended = std::nullopt,
          .group_at = at(3),
          .written_at = at(seconds)};
}

bool is_own(Tx& tx, std::int64_t record, const std::string& value) {
  for (const OwnValue& v : source_fields::own_values(tx, record))
    if (v.field == "hw_first_source" && v.hash == source_fields::hash_of(value)) return true;
  return false;
}

TEST_P(SourceFieldsTest, WhatWasEverWrittenAndWhatIsAboutToBeAreOurs) {
  write([](Tx& tx) {
    WrittenField w = written(7, "google", 5);
    source_fields::put_written(tx, w);
    for (const char* value : {"newsletter", "bing"}) {
      w.intended = source_fields::hash_of(value);
      source_fields::put_written(tx, w);
    }
    const auto stored = source_fields::written(tx, 7);
    ASSERT_THAT(stored, SizeIs(1));
    EXPECT_EQ(stored[0].hash, source_fields::hash_of("google"));
    EXPECT_EQ(stored[0].intended, source_fields::hash_of("bing"));
    EXPECT_EQ(stored[0].group_at, at(3));
    for (const char* value : {"google", "newsletter", "bing"}) EXPECT_TRUE(is_own(tx, 7, value)) << value;
    EXPECT_FALSE(is_own(tx, 7, "typed by a person"));
    EXPECT_THAT(source_fields::own_values(tx, 8), IsEmpty());
  });
}

TEST_P(SourceFieldsTest, OfEachFieldTheYoungestValuesAreKept) {
  write([](Tx& tx) {
    for (int i = 0; i <= source_fields::kOwnValuesKept; ++i)
      source_fields::put_written(tx, written(7, std::to_string(i), i));
    EXPECT_THAT(source_fields::own_values(tx, 7), SizeIs(source_fields::kOwnValuesKept));
    EXPECT_FALSE(is_own(tx, 7, "0"));
    EXPECT_TRUE(is_own(tx, 7, "1"));
  });
}

TEST_P(SourceFieldsTest, WhatWasWrittenToAMergedRecordIsOursInTheSurvivorToo) {
  write([](Tx& tx) {
    const auto id = [&](const char* name) { return records::ensure(tx, {"crm", Object::contact, name}, "crm", at(1)); };
    const std::int64_t first = id("1"), second = id("2"), last = id("3");
    source_fields::put_written(tx, written(first, "google", 5));
    records::set_state(tx, first, "merged", second, at(6));
    records::set_state(tx, second, "merged", last, at(7));
    EXPECT_TRUE(is_own(tx, last, "google"));
    records::set_state(tx, second, "live", std::nullopt, at(8));
    EXPECT_FALSE(is_own(tx, last, "google"));
  });
}

TEST_P(SourceFieldsTest, AStateLeavesTheMarksAsTheyStand) {
  write([](Tx& tx) {
    source_fields::mark_due(tx, "contacts", 1, at(5));
    SourceFieldState s = *source_fields::state(tx, "contacts", 1);
    source_fields::mark_due(tx, "contacts", 1, at(6));
    EXPECT_EQ(source_fields::state(tx, "contacts", 1)->marks, s.marks + 1);
    EXPECT_FALSE(source_fields::any_retrying(tx, "contacts"));
    s.code = "http_503";
    source_fields::put_state(tx, s);
    EXPECT_EQ(source_fields::state(tx, "contacts", 1)->marks, s.marks + 1);
    EXPECT_TRUE(source_fields::any_retrying(tx, "contacts"));
    s.next_at.reset();
    source_fields::put_state(tx, s);
    EXPECT_FALSE(source_fields::any_retrying(tx, "contacts"));
  });
}

TEST_P(SourceFieldsTest, RecordsAreDueByTimeAndAMarkStartsAnew) {
  write([](Tx& tx) {
    source_fields::mark_due(tx, "contacts", 1, at(10));
    source_fields::mark_due(tx, "contacts", 2, at(5));
    source_fields::mark_due(tx, "deals", 3, at(5));
    std::vector<std::int64_t> due;
    for (const auto& s : source_fields::due(tx, "contacts", at(10), 9)) due.push_back(s.record);
    EXPECT_THAT(due, ElementsAre(2, 1));
    EXPECT_EQ(source_fields::next_due(tx, "contacts"), at(5));
    source_fields::put_state(tx, {.name = "contacts",
                                  .record = 2,
                                  .state = "rejected",
                                  .code = "read_only",
                                  .detail = "the field is read-only",
                                  .tries = 4,
                                  .next_at = std::nullopt,
                                  .updated_at = at(11),
                                  .marks = 0});
    EXPECT_THAT(source_fields::due(tx, "contacts", at(12), 9), SizeIs(1));
    source_fields::mark_due(tx, "contacts", 2, at(12));
    EXPECT_EQ(source_fields::state(tx, "contacts", 2)->tries, 0);
    EXPECT_EQ(source_fields::totals(tx).size(), 2U);
  });
}

}  // namespace
}  // namespace hw::store
