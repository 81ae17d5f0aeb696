#include <set>

#include "conformance/rig.h"

namespace hw::conformance {
namespace {

using connect::Answer;
using connect::FieldValues;
using connect::Outcome;
using connect::Verdict;

class WriterCheck {
 public:
  WriterCheck(const Case& c, const Watch& watch) : case_(c), watch_(watch) {
    std::set<std::string> fields;
    for (const FieldValues& change : c.changes) {
      records_.push_back(change.ref);
      for (const auto& [name, value] : change.values) fields.insert(name);
    }
    fields_.assign(fields.begin(), fields.end());
  }

  void run() {
    check_reading();
    check_writing();
    check_faults_of_writing();
    check_stop();
  }

 private:
  auto current(Rig& rig) { return rig->source_fields()->current(records_, fields_, rig.context()); }
  auto write(Rig& rig) { return rig->source_fields()->write(case_.changes, rig.context()); }

  void check_reading() {
    SCOPED_TRACE("current()");
    Rig rig(case_);
    EXPECT_LE(case_.changes.size(), rig->source_fields()->max_records());
    const auto held = current(rig);
    ASSERT_TRUE(held.has_value()) << held.error().code << ": " << held.error().detail;
    EXPECT_EQ(held->size(), records_.size());
    for (const FieldValues& one : *held) EXPECT_EQ(one.values.size(), fields_.size()) << one.ref.id;
    expect_each_fault_is_told(case_, watch_, rig.http.request_count(), [this](Rig& r) { return current(r); });
  }

  void check_writing() {
    Rig rig(case_);
    const Result<Answer> answer = write(rig);
    ASSERT_TRUE(answer.has_value()) << answer.error().code << ": " << answer.error().detail;
    EXPECT_EQ(rig.http.request_count(), 1U) << "write() is one request";
    ASSERT_EQ(answer->outcomes.size(), case_.changes.size());
    for (const Outcome& o : answer->outcomes)
      EXPECT_EQ(o.verdict, Verdict::accepted) << connect::to_string(o.verdict) << " " << o.code << " " << o.detail;
  }

  void check_faults_of_writing() {
    for (const Fault& fault : faults(case_.now)) {
      SCOPED_TRACE("write(): " + fault.name);
      Rig rig(case_);
      rig.break_request(0, fault);
      const Result<Answer> answer = write(rig);
      expect_no_second_try(rig.http, 0);
      if (!answer) {
        expect_classified(answer.error(), fault, watch_);
        EXPECT_TRUE(answer.error().maybe_applied || !fault.maybe_applied) << "the records may have been written";
        continue;
      }
      EXPECT_EQ(answer->outcomes.size(), case_.changes.size());
      for (const Outcome& o : answer->outcomes) {
        expect_fits(o, fault);
        watch_.expect_clean(o.code + " " + o.detail, "an outcome");
      }
    }
  }

  void check_stop() {
    Rig rig(case_);
    rig.stop();
    const Result<Answer> late = write(rig);
    EXPECT_LE(rig.http.request_count(), 1U);
    ASSERT_FALSE(late.has_value()) << "written in spite of the stop";
    EXPECT_EQ(late.error().action, Action::retry);
  }

  const Case& case_;
  const Watch& watch_;
  std::vector<RecordRef> records_;
  std::vector<std::string> fields_;
};

}  // namespace

void check_writer_conformance(const Case& c) {
  const Watch watch(c);
  Rig rig(c);
  if (!rig.is_ready()) return;
  ASSERT_NE(rig->source_fields(), nullptr) << "the connector writes no source fields with these options";
  ASSERT_FALSE(c.changes.empty()) << "give Case::changes";
  EXPECT_TRUE(c.type.roles.contains("source_fields"));
  WriterCheck(c, watch).run();
}

}  // namespace hw::conformance
