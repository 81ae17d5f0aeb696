#include "conformance/dump.h"
#include "conformance/rig.h"

namespace hw::conformance {
namespace {

using connect::Cursor;
using connect::Page;

constexpr std::size_t kMostLookups = 200;

Result<Page<Touch>> look_up(Rig& rig, const Case& c, const Cursor& cursor) {
  return rig->lookup()->lookup(c.asked, cursor, rig.context());
}

/// The cursors of all pages, and how many requests each took.
std::vector<std::pair<Cursor, std::size_t>> read_through(const Case& c, const Watch& watch) {
  Rig rig(c);
  std::vector<std::pair<Cursor, std::size_t>> out;
  std::size_t rows = 0;
  Cursor cursor;
  while (out.size() < kMostLookups) {
    const std::size_t before = rig.http.request_count();
    const Result<Page<Touch>> page = look_up(rig, c, cursor);
    if (!page) {
      ADD_FAILURE() << page.error().code << ": " << page.error().detail;
      return out;
    }
    out.emplace_back(cursor, rig.http.request_count() - before);
    rows += page->rows.size();
    watch.expect_clean(page->next.text, "a cursor");
    for (const Touch& row : page->rows) watch.expect_clean(dump(row), "a row");
    cursor = page->next;
    if (page->more || page->again_in) continue;
    EXPECT_GT(rows, 0U) << "the case has no history: nothing is shown by it";
    return out;
  }
  ADD_FAILURE() << "not read through after " << kMostLookups << " pages";
  return out;
}

}  // namespace

void check_lookup_conformance(const Case& c, const Watch& watch) {
  SCOPED_TRACE("lookup()");
  Rig rig(c);
  if (rig->lookup() == nullptr) return;
  ASSERT_FALSE(c.asked.empty()) << "give Case::asked";
  for (const auto& [at, requests] : read_through(c, watch)) {
    SCOPED_TRACE("cursor '" + at.text + "'");
    expect_each_fault_is_told(c, watch, requests, [&, cursor = at](Rig& r) { return look_up(r, c, cursor); });
  }
  Rig stopped(c);
  stopped.stop();
  const auto late = look_up(stopped, c, {});
  EXPECT_LE(stopped.http.request_count(), 1U) << "went on after a stop";
  ASSERT_FALSE(late.has_value()) << "a page in spite of the stop";
  EXPECT_EQ(late.error().action, Action::retry);
}

}  // namespace hw::conformance
