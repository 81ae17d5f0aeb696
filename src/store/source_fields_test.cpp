#include "store/source_fields.h"

#include "store/store_fixture.h"

namespace hw::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SourceFieldsTest : public EngineTest {};
HW_BOTH_ENGINES(SourceFieldsTest);

TEST_P(SourceFieldsTest, WhatWasWrittenAndWhatIsAboutToBeAreOurs) {
  write([](Tx& tx) {
    WrittenField w{.name = "contacts",
                   .record = 7,
                   .what = "first_source",
                   .field = "hw_first_source",
                   .hash = source_fields::hash_of("google"),
                   .intended = std::nullopt,
                   .group_at = at(3),
                   .written_at = at(5)};
    source_fields::put_written(tx, w);
    w.intended = source_fields::hash_of("newsletter");
    source_fields::put_written(tx, w);
    const auto stored = source_fields::written(tx, "contacts", 7);
    ASSERT_THAT(stored, SizeIs(1));
    EXPECT_TRUE(stored[0].is_ours(source_fields::hash_of("google")));
    EXPECT_TRUE(stored[0].is_ours(source_fields::hash_of("newsletter")));
    EXPECT_FALSE(stored[0].is_ours(source_fields::hash_of("typed by a person")));
    EXPECT_EQ(stored[0].group_at, at(3));
    EXPECT_THAT(source_fields::written_to(tx, 7), SizeIs(1));
    EXPECT_THAT(source_fields::written(tx, "deals", 7), IsEmpty());
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
                                  .updated_at = at(11)});
    EXPECT_THAT(source_fields::due(tx, "contacts", at(12), 9), SizeIs(1));
    source_fields::mark_due(tx, "contacts", 2, at(12));
    EXPECT_EQ(source_fields::state(tx, "contacts", 2)->tries, 0);
    EXPECT_EQ(source_fields::totals(tx).size(), 2U);
  });
}

}  // namespace
}  // namespace hw::store
