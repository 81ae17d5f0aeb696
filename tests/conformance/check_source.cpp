#include <gtest/gtest.h>

#include <algorithm>

#include "conformance/dump.h"
#include "conformance/rig.h"

namespace hw::conformance {
namespace {

using connect::Cursor;
using connect::Page;
using connect::Source;

constexpr std::size_t kMostPages = 500;
constexpr std::size_t kMostCursorBytes = 64U << 10;

/// One pull that went well, to be repeated and broken.
struct Step {
  std::string stream;
  Cursor cursor;
  std::size_t requests = 0;
  std::string rows;
};

template <class Row>
std::string dump_rows(const Page<Row>& page) {
  std::string out;
  for (const Row& row : page.rows) out += dump(row) + "\n";
  return out;
}

/// Reads one role of a connector. `Role` is the member that gives it: &Connector::records.
template <class Row>
class SourceCheck {
 public:
  using Role = Source<Row>* (connect::Connector::*)();
  SourceCheck(const Case& c, const Watch& watch, Role role) : case_(c), watch_(watch), role_(role) {}

  void run() {
    read_everything();
    if (steps_.empty()) return;
    check_repeat();
    check_faults_in_streams();
    for (const Step& step : first_pages()) {
      SCOPED_TRACE("stream '" + step.stream + "', cursor '" + step.cursor.text + "'");
      check_faults(step);
      check_stop(step);
    }
  }

 private:
  Source<Row>& source(Rig& rig) { return *(rig.connector().*role_)(); }

  Result<Page<Row>> pull(Rig& rig, const std::string& stream, const Cursor& cursor) {
    return source(rig).pull(stream, cursor, case_.page_rows, rig.context());
  }

  void read_everything() {
    Rig rig(case_);
    const auto streams = source(rig).streams(rig.context());
    ASSERT_TRUE(streams.has_value()) << streams.error().code << ": " << streams.error().detail;
    requests_of_streams_ = rig.http.request_count();
    EXPECT_FALSE(streams->empty());
    EXPECT_EQ(std::set(streams->begin(), streams->end()).size(), streams->size()) << "a stream is named twice";
    for (const std::string& stream : *streams) read_stream(rig, stream);
    EXPECT_GT(rows_, 0U) << "the case has no rows: nothing is shown by it";
  }

  void read_stream(Rig& rig, const std::string& stream) {
    SCOPED_TRACE("stream '" + stream + "'");
    Cursor cursor;
    for (std::size_t pages = 0; pages < kMostPages; ++pages) {
      const std::size_t before = rig.http.request_count();
      const Result<Page<Row>> page = pull(rig, stream, cursor);
      ASSERT_TRUE(page.has_value()) << page.error().code << ": " << page.error().detail;
      steps_.push_back({stream, cursor, rig.http.request_count() - before, dump_rows(*page)});
      check_page(*page);
      const bool goes_on = page->more || page->again_in.has_value();
      if (!goes_on) {
        EXPECT_TRUE(page->sweep_complete) << "nothing more is there, and the sweep is not complete";
        return;
      }
      EXPECT_FALSE(page->more && page->next == cursor) << "there is more, at the same cursor: this never ends";
      cursor = page->next;
    }
    ADD_FAILURE() << "not read through after " << kMostPages << " pages";
  }

  void check_page(const Page<Row>& page) {
    rows_ += page.rows.size();
    EXPECT_LE(page.next.text.size(), kMostCursorBytes);
    watch_.expect_clean(page.next.text, "a cursor");
    for (const Row& row : page.rows) watch_.expect_clean(dump(row), "a row");
    for (const connect::RejectedRow& r : page.rejected) {
      EXPECT_TRUE(is_code(r.code)) << "code '" << r.code << "' is not [a-z0-9_]+";
      EXPECT_FALSE(r.where.empty());
      EXPECT_FALSE(r.detail.empty());
      watch_.expect_clean(r.where + " " + r.code + " " + r.detail, "a rejected row");
    }
  }

  /// After a restart the connector knows nothing but the cursor.
  void check_repeat() {
    for (const Step& step : steps_) {
      Rig rig(case_);
      const Result<Page<Row>> page = pull(rig, step.stream, step.cursor);
      ASSERT_TRUE(page.has_value()) << page.error().code << ": " << page.error().detail;
      EXPECT_EQ(dump_rows(*page), step.rows)
          << "the same cursor gave other rows: " << step.stream << " " << step.cursor.text;
    }
  }

  /// Broken requests of later pages show nothing new.
  std::vector<Step> first_pages() const {
    std::vector<Step> out;
    for (const Step& step : steps_) {
      const auto of_stream =
          std::count_if(out.begin(), out.end(), [&](const Step& s) { return s.stream == step.stream; });
      if (of_stream < 2) out.push_back(step);
    }
    return out;
  }

  void check_faults_in_streams() {
    SCOPED_TRACE("streams()");
    expect_each_fault_is_told(case_, watch_, requests_of_streams_,
                              [this](Rig& rig) { return source(rig).streams(rig.context()); });
  }

  void check_faults(const Step& step) {
    expect_each_fault_is_told(case_, watch_, step.requests,
                              [&](Rig& rig) { return pull(rig, step.stream, step.cursor); });
  }

  void check_stop(const Step& step) {
    Rig stopped(case_);
    stopped.stop();
    const Result<Page<Row>> page = pull(stopped, step.stream, step.cursor);
    EXPECT_LE(stopped.http.request_count(), 1U) << "went on after a stop";
    if (step.requests == 0) return;
    ASSERT_FALSE(page.has_value()) << "a page in spite of the stop";
    EXPECT_EQ(page.error().action, Action::retry);

    Rig later(case_);
    later.stop_in_first_request();
    const auto late = pull(later, step.stream, step.cursor);
    EXPECT_TRUE(late.has_value() || late.error().action == Action::retry);
    EXPECT_LE(later.http.request_count(), 2U) << "went on after a stop";
  }

  const Case& case_;
  const Watch& watch_;
  Role role_;
  std::vector<Step> steps_;
  std::size_t requests_of_streams_ = 0;
  std::size_t rows_ = 0;
};

template <class Row>
bool check_role(const Case& c, const Watch& watch, const char* name, Source<Row>* (connect::Connector::*role)()) {
  SCOPED_TRACE(name);
  Rig rig(c);
  if (!rig.is_ready()) return false;
  const bool has_role = (rig.connector().*role)() != nullptr;
  if (has_role) SourceCheck<Row>(c, watch, role).run();
  EXPECT_TRUE(!has_role || c.type.roles.contains(name)) << "the type does not declare its role '" << name << "'";
  return has_role;
}

}  // namespace

void check_source_conformance(const Case& c) {
  check_declarations(c);
  if (testing::Test::HasFatalFailure()) return;
  const Watch watch(c);
  const bool records = check_role<Record>(c, watch, "records", &connect::Connector::records);
  const bool touches = check_role<Touch>(c, watch, "touches", &connect::Connector::touches);
  const bool costs = check_role<Spend>(c, watch, "costs", &connect::Connector::costs);
  EXPECT_TRUE(records || touches || costs) << "the connector has no source role with these options";
  check_lookup_conformance(c, watch);
  if (records || touches || costs) check_online_conformance(c, watch);
}

}  // namespace hw::conformance
