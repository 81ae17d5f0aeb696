#pragma once
#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "connect/connector.h"

/// A web analytics source as a test sees it: what happened, told whole (mirror) or to who asks (lookup).
namespace hw::conformance {

/// What the source holds, by time. Touches may be added while it is read.
using SeenWeb = std::vector<Touch>;

inline Touch visit(const std::string& key, Timestamp at, std::vector<Identifier> identifiers,
                   const std::string& campaign = "") {
  Touch t;
  t.key = key;
  t.at = at;
  t.identifiers = std::move(identifiers);
  t.source = "web";
  t.campaign = campaign;
  return t;
}

/// All of it from the number that the cursor holds on.
class FakeTouches final : public connect::TouchSource {
 public:
  explicit FakeTouches(const SeenWeb& seen) : seen_(seen) {}
  std::size_t page_rows = 2;

  Result<std::vector<std::string>> streams(connect::Context) override { return std::vector<std::string>{"touches"}; }
  Result<connect::Page<Touch>> pull(std::string_view, const connect::Cursor& cursor, std::size_t,
                                    connect::Context) override {
    const std::size_t from = cursor.text.empty() ? 0 : std::stoul(cursor.text);
    const std::size_t to = std::min(seen_.size(), from + page_rows);
    connect::Page<Touch> page;
    for (std::size_t i = from; i < to; ++i) page.rows.push_back(seen_[i]);
    page.next.text = std::to_string(to);
    page.more = to < seen_.size();
    page.sweep_complete = !page.more;
    return page;
  }

 private:
  const SeenWeb& seen_;
};

/// Answers for the identifiers of a question, page by page: the cursor is the number of touches told.
class FakeLookup final : public connect::TouchLookup {
 public:
  explicit FakeLookup(const SeenWeb& seen) : seen_(seen) {
    limits_.types = {"client_id", "user_id"};
    limits_.max_ids = 3;
  }

  connect::LookupLimits limits_;
  std::size_t page_rows = 2;
  bool is_down = false;                 ///< every call fails
  std::deque<Error> errors;             ///< of the next calls
  std::optional<Duration> job;          ///< the next first page of a question is a job that runs so long
  std::vector<std::string> questions;   ///< "a b c" of each whose first page was asked for, in order
  std::vector<std::string> calls;       ///< "a b c @cursor"
  std::function<void()> before_answer;  ///< called in each call

  const connect::LookupLimits& limits() const override { return limits_; }
  Result<connect::Page<Touch>> lookup(std::span<const Identifier> ids, const connect::Cursor& cursor,
                                      connect::Context) override {
    std::string asked;
    for (const Identifier& id : ids) asked += (asked.empty() ? "" : " ") + id.value;
    calls.push_back(asked + " @" + cursor.text);
    if (cursor.text.empty()) questions.push_back(asked);
    if (before_answer) before_answer();
    if (is_down) return Error{Action::retry, "http_503", "down, says the test", {}, false};
    if (!errors.empty()) {
      const Error e = errors.front();
      errors.pop_front();
      return e;
    }
    connect::Page<Touch> page;
    if (cursor.text.empty() && job) {
      page.next.text = "0";
      page.again_in = *std::exchange(job, std::nullopt);
      return page;
    }
    std::vector<const Touch*> found;
    for (const Touch& t : seen_)
      if (std::any_of(ids.begin(), ids.end(), [&](const Identifier& id) { return carries(t, id); }))
        found.push_back(&t);
    const std::size_t from = cursor.text.empty() ? 0 : std::stoul(cursor.text);
    const std::size_t to = std::min(found.size(), from + page_rows);
    for (std::size_t i = from; i < to; ++i) page.rows.push_back(*found[i]);
    page.next.text = std::to_string(to);
    page.more = to < found.size();
    return page;
  }

 private:
  static bool carries(const Touch& t, const Identifier& id) {
    return std::find(t.identifiers.begin(), t.identifiers.end(), id) != t.identifiers.end();
  }

  const SeenWeb& seen_;
};

}  // namespace hw::conformance
