#include "reconcile/import.h"

#include <gmock/gmock.h>

#include "base/zone.h"
#include "conformance/loop.h"
#include "reconcile/plan.h"

namespace hw::reconcile {
namespace {

using conformance::kDay;
using conformance::kStart;
using conformance::kUnit;
using conformance::Loop;
using testing::ElementsAre;
using testing::HasSubstr;

/// Deals that were won before the destination went live, and that another tool told it of.
class Import : public testing::Test {
 protected:
  Import() {
    loop_.settings.destinations[0].go_live = kStart + kDay * 30;
    loop_.settings.destinations[0].settle = Duration{};
    loop_.start();
    for (const char* deal : {"1", "2"}) {
      loop_.contact(std::string("C") + deal, std::string("click-") + deal);
      loop_.deal(deal, std::string("C") + deal, "won", "100");
    }
    loop_.pass(kDay * 31);
  }

  /// What was said of the lines that could not be taken.
  std::vector<std::string> take(const std::string& text, bool write = true) {
    std::vector<connect::OptionError> errors;
    (void)loop_.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
      const Timestamp now = loop_.clock.system_now();
      const Frame frame{.settings = &loop_.settings,
                        .plans = destination_plans(tx, loop_.settings, loop_.connectors, now),
                        .now = now,
                        .brake_closed = [](const auto&...) { return false; }};
      const auto lines = read_import(text, "old.csv", import_identifiers(frame.plans), errors);
      done_ = import_lines(tx, frame, registry_, lines, write, errors);
      if (errors.empty()) return {};
      return Error{Action::reject_row, "import", "rolled back", {}, false};
    });
    std::vector<std::string> out;
    for (const auto& e : errors) out.push_back(connect::to_string(e));
    return out;
  }
  /// The platform knows them from the other tool.
  void known_to_platform(const std::string& key, std::int64_t units) {
    loop_.sink().believed[key] = {
        .micros = units * kUnit, .currency = "EUR", .counted = 1, .first_at = kStart, .ended = false};
  }

  Loop loop_;
  connect::Registry registry_{{}};
  Imported done_;
};

constexpr const char* kTwo =
    "destination,object,id,key,time,value,currency\n"
    "ads,deal,1,order-1,2026-03-02 10:00,100,EUR\n"
    "ads,deal,2,order-2,2026-03-02 10:00,80.50,EUR\n";

TEST_F(Import, WhatWasToldIsNotRepeatedAndIsCorrectedUnderItsOwnKey) {
  known_to_platform("order-1", 100);
  known_to_platform("order-2", 80);
  ASSERT_THAT(take(kTwo), ElementsAre());
  EXPECT_EQ((done_.adopted[{"ads", "EUR"}].n), 2);
  EXPECT_EQ((done_.adopted[{"ads", "EUR"}].micros), 180'500'000);
  loop_.settle();
  EXPECT_EQ(loop_.stands("1"), "taken");
  EXPECT_EQ(loop_.history("1"), "upload processed 100") << "the right value asks for no correction";
  EXPECT_EQ(loop_.sink().believed.size(), 2U) << "nothing went under a key of ours";
  EXPECT_EQ(loop_.sink().believed["order-2"].micros, 100 * kUnit);
  loop_.set("1", "amount", "300");
  loop_.settle();
  EXPECT_EQ(loop_.sink().believed["order-1"].micros, 300 * kUnit);
  EXPECT_EQ(loop_.stands("1"), "taken");
}

TEST_F(Import, TheSameFileAgainChangesNothing) {
  ASSERT_THAT(take(kTwo), ElementsAre());
  loop_.settle();
  const auto before = conformance::tables_of(*loop_.db);
  ASSERT_THAT(take(kTwo), ElementsAre());
  EXPECT_EQ(done_.known, 2);
  EXPECT_EQ(conformance::tables_of(*loop_.db), before);
}

TEST_F(Import, ARowThatWasAboutToLeaveStaysHere) {
  loop_.settings.destinations[0].go_live = kStart - kDay;
  loop_.start();
  loop_.show(loop_.shown(Object::deal, "1"));
  ASSERT_TRUE(loop_.reconcile());
  ASSERT_EQ(loop_.history("1"), "upload pending 100");
  ASSERT_THAT(take(kTwo), ElementsAre());
  loop_.settle();
  EXPECT_FALSE(loop_.sink().believed.contains(loop_.dedup_id("1")));
  EXPECT_EQ(loop_.stands("1"), "taken");
}

TEST_F(Import, AllErrorsAreShownAndNothingIsWritten) {
  const auto before = conformance::tables_of(*loop_.db);
  const auto said = take(
      "destination,object,id,key,time,value,currency,gclid,email\n"
      "ads,deal,1,order-1,2026-03-02 10:00,100,EUR,click-1,\n"
      "nowhere,deal,1,order-2,2026-03-02 10:00,100,EUR,,\n"
      "ads,deal,99,order-3,2026-03-02 10:00,100,EUR,,\n"
      "ads,contact,C1,order-4,2026-03-02 10:00,100,EUR,,\n"
      "ads,deal,2,order-1,2026-03-02 10:00,100,EUR,,\n"
      "ads,deal,2,order-5,yesterday,100,EUR,,\n"
      "ads,deal,2,order-6,2026-03-02 10:00,1e3,EUR,,\n"
      "ads,deal,2,order-7,2026-03-02 10:00,100,EURO,,\n"
      "ads,deal,1,order-8,2026-03-02 10:00,100,EUR,,\n"
      "ads,deal,2,order-9,2099-03-02 10:00,100,EUR,,\n"
      "ads,deal,2,order-10,2026-03-02 10:00,100,EUR,,ada@example.com\n"
      "ads,deal,2,order-11,2026-03-02 10:00,100.5,JPY,,\n"
      "ads,deal,2\n");
  EXPECT_THAT(
      said,
      ElementsAre(
          HasSubstr("old.csv:14:1: this line has 3 cells"), HasSubstr("old.csv:3:1: there is no destination 'nowhere'"),
          HasSubstr("old.csv:4:10: no deal '99' is known"), HasSubstr("old.csv:5:5: goal won is reached by a deal"),
          HasSubstr("old.csv:6:12: another line of this file has this key"), HasSubstr("old.csv:7:20: no time"),
          HasSubstr("old.csv:8:37: no amount"), HasSubstr("old.csv:9:41: no currency"),
          HasSubstr("old.csv:10:10: another line of this file speaks of the same"),
          HasSubstr("old.csv:11:20: lies in the future"), HasSubstr("old.csv:12:47: no SHA-256 in hex"),
          HasSubstr("old.csv:13:38: JPY has 0 decimals")));
  EXPECT_EQ(conformance::tables_of(*loop_.db), before);
}

TEST_F(Import, TryingItWritesNothing) {
  const auto before = conformance::tables_of(*loop_.db);
  ASSERT_THAT(take(kTwo, /*write=*/false), ElementsAre());
  EXPECT_EQ((done_.adopted[{"ads", "EUR"}].n), 2);
  EXPECT_EQ(conformance::tables_of(*loop_.db), before);
}

TEST_F(Import, WhatTheLedgerToldUnderAnotherKeyIsNoOtherTools) {
  loop_.settings.destinations[0].go_live = kStart - kDay;
  loop_.start();
  loop_.show(loop_.shown(Object::deal, "1"));
  loop_.settle();
  EXPECT_THAT(take(kTwo), ElementsAre(HasSubstr("old.csv:2:12: the ledger has told this conversion already"),
                                      HasSubstr("old.csv:3:12: the ledger has told this conversion already")));
}

TEST_F(Import, AKeyThatAnotherFileBroughtIsNoSecondConversions) {
  loop_.contact("C3", "click-3");
  loop_.deal("3", "C3", "won", "100");
  ASSERT_THAT(take(kTwo), ElementsAre());
  const auto before = conformance::tables_of(*loop_.db);
  EXPECT_THAT(
      take("destination,object,id,key,time,value,currency\n"
           "ads,deal,3,order-1,2026-03-02 10:00,100,EUR\n"),
      ElementsAre(HasSubstr("old.csv:2:12: the ledger has this key already, of conversion " + loop_.dedup_id("1"))));
  EXPECT_EQ(conformance::tables_of(*loop_.db), before);
}

/// The other tool's upload was taken, so its click was old enough, whatever the time of the conversion.
TEST_F(Import, AClickTooYoungAtTheConversionIsNoReasonAgainstItsCorrection) {
  loop_.sink().youngest_click = kDay * 2;
  known_to_platform("order-1", 100);
  known_to_platform("order-2", 100);
  ASSERT_THAT(take("destination,object,id,key,time,value,currency,gclid\n"
                   "ads,deal,1,order-1,2026-03-01 22:00,100,EUR,click-of-the-file\n"
                   "ads,deal,2,order-2,2026-03-01 22:00,100,EUR,\n"),
              ElementsAre());
  EXPECT_EQ(done_.bare, 0);
  EXPECT_EQ(loop_.uploads("1").back().click_value, "click-of-the-file");
  EXPECT_EQ(loop_.uploads("2").back().click_value, "click-2") << "the CRM's, of the day before its deal";
  loop_.set("1", "amount", "300");
  loop_.set("2", "amount", "300");
  loop_.settle();
  EXPECT_EQ(loop_.sink().believed["order-1"].micros, 300 * kUnit);
  EXPECT_EQ(loop_.sink().believed["order-2"].micros, 300 * kUnit);
}

TEST_F(Import, AConversionToldUnderAFormerActionIsCorrectedThere) {
  known_to_platform("order-1", 100);
  known_to_platform("order-2", 100);
  ASSERT_THAT(take("destination,object,id,key,time,value,currency,action\n"
                   "ads,deal,1,order-1,2026-03-02 10:00,100,EUR,former\n"
                   "ads,deal,2,order-2,2026-03-02 10:00,100,EUR,\n"),
              ElementsAre());
  const std::string account = loop_.settings.destinations[0].account;
  loop_.set("1", "amount", "300");
  loop_.settle();
  EXPECT_EQ(loop_.sink().told_at.back(), account + "/former");
  loop_.set("2", "amount", "300");
  loop_.settle();
  EXPECT_EQ(loop_.sink().told_at.back(), account + "/" + loop_.settings.destinations[0].action);
}

TEST_F(Import, AnActionThatItsConnectorNeverHasIsRefusedAtItsPlace) {
  connect::ConnectorType ads;
  ads.name = "ads";
  ads.check_target = [](const connect::Target& target, const connect::Mark& at,
                        std::vector<connect::OptionError>& all) {
    if (target.action == "purhcase") all.push_back({at, "there is no such action"});
  };
  registry_ = connect::Registry({ads});
  settings::ConnectorInstance instance;
  instance.name = "ads_connector";
  instance.type = "ads";
  loop_.settings.connectors.push_back(std::move(instance));
  EXPECT_THAT(take("destination,object,id,key,time,action\n"
                   "ads,deal,1,order-1,2026-03-02 10:00,purhcase\n"
                   "ads,deal,2,order-2,2026-03-02 10:00,purchase\n"),
              ElementsAre("old.csv:2:37: there is no such action"));
}

TEST_F(Import, WhatNothingNamesSaysWhyItCannotBeCorrected) {
  loop_.contact("C3", "");
  loop_.shown(Object::contact, "C3").hashes.clear();
  loop_.set(Object::contact, "C3", "title", "none");
  loop_.deal("3", "C3", "won", "100");
  known_to_platform("order-3", 100);
  ASSERT_THAT(take("destination,object,id,key,time,value,currency\n"
                   "ads,deal,3,order-3,2026-03-02 10:00,100,EUR\n"),
              ElementsAre());
  EXPECT_EQ(done_.bare, 1);
  loop_.settle();
  loop_.set("3", "amount", "300");
  loop_.settle();
  EXPECT_EQ(loop_.stands("3"), "missing uncorrectable");
  EXPECT_THAT(loop_.standing("3").detail, HasSubstr("neither click nor user data"));
}

/// A platform that knows browsers alone.
class ImportOfClients : public Import {
 protected:
  ImportOfClients() {
    loop_.sink().rules.click_types.clear();
    loop_.sink().rules.hash_forms.clear();
    loop_.sink().rules.client_types = {"client"};
    loop_.sink().rules.conversion_window = kDay * 3;
    loop_.start();
    known_to_platform("order-1", 100);
  }
  std::string taken_back() {
    loop_.settle();
    loop_.set("1", "stage", "lost");
    loop_.settle();
    return loop_.stands("1");
  }
};

TEST_F(ImportOfClients, WhatTheFileNamesIsCorrectable) {
  ASSERT_THAT(take("destination,object,id,key,time,value,currency,client\n"
                   "ads,deal,1,order-1,2026-03-02 10:00,100,EUR,browser\n"),
              ElementsAre());
  EXPECT_EQ(done_.bare, 0);
  EXPECT_THAT(loop_.uploads("1").back().item, HasSubstr("browser"));
  EXPECT_EQ(taken_back(), "none not_wanted");
  EXPECT_EQ(loop_.sink().believed["order-1"].micros, 0);
}

TEST_F(ImportOfClients, ElseWhatTheLineageHas) {
  loop_.shown(Object::contact, "C1").identifiers.push_back({"client", "browser-of-C1"});
  loop_.set(Object::contact, "C1", "title", "none");
  ASSERT_THAT(take("destination,object,id,key,time,value,currency\n"
                   "ads,deal,1,order-1,2026-03-02 10:00,100,EUR\n"),
              ElementsAre());
  EXPECT_EQ(done_.bare, 0);
  EXPECT_EQ(taken_back(), "none not_wanted");
}

TEST(ImportFile, ColumnsAreCheckedByName) {
  std::vector<connect::OptionError> errors;
  read_import("destinatoin,id,key,key\n", "f.csv", {}, errors);
  std::vector<std::string> said;
  for (const auto& e : errors) said.push_back(connect::to_string(e));
  EXPECT_THAT(said,
              ElementsAre("f.csv:1:1: unknown column 'destinatoin': did you mean 'destination'?",
                          "f.csv:1:20: column 'key' stands here twice", "f.csv:1:1: column 'destination' is missing",
                          "f.csv:1:1: column 'time' is missing", HasSubstr("columns 'object' and 'id'")));
}

TEST(ImportFile, QuotedCellsMayHoldCommasQuotesAndLines) {
  std::vector<connect::OptionError> errors;
  const auto lines = read_import(
      "\xEF\xBB\xBF"
      "destination,dedup_id,key,time\r\n"
      "\"a,\"\"b\"\"\n c\",hw-1,k,t\r\n"
      "x,hw-2,k2,t\r\n",
      "f.csv", {}, errors);
  EXPECT_TRUE(errors.empty());
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].text("destination"), "a,\"b\"\n c");
  EXPECT_EQ(lines[1].mark("dedup_id"), (connect::Mark{"f.csv", 4, 3}));
}

TEST(ImportFile, AnOpenQuoteIsShownWhereItBegins) {
  std::vector<connect::OptionError> errors;
  read_import("destination,dedup_id,key,time\nx,\"y\n", "f.csv", {}, errors);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].at, (connect::Mark{"f.csv", 2, 3}));
}

}  // namespace
}  // namespace hw::reconcile
