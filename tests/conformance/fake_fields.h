#pragma once
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "connect/connector.h"

namespace hw::conformance {

/// A CRM's fields as a test sees them: values by record id and field, and what the next calls are to answer.
class FakeFields final : public connect::SourceFieldWriter {
 public:
  std::map<std::string, std::map<std::string, std::string>> held;
  std::map<std::string, connect::Outcome> refused;  ///< record id -> its answer; nothing is written then
  std::set<std::string> poison;                     ///< a call that holds one of these is refused whole
  std::deque<Error> trouble;                        ///< of the next calls of write(), before anything is written
  std::deque<Error> unread;                         ///< of the next calls of current()
  bool answer_lost = false;                         ///< the next write() is carried out and its answer lost
  std::function<void()> meanwhile;                  ///< happens once, while a write() is under way
  std::size_t reads = 0, writes = 0;                ///< calls
  std::vector<std::string> written;                 ///< record ids, in order

  std::size_t max_records() const override { return 3; }

  Result<std::vector<connect::FieldValues>> current(std::span<const RecordRef> records,
                                                    std::span<const std::string> fields, connect::Context) override {
    ++reads;
    if (!unread.empty()) {
      const Error e = unread.front();
      unread.pop_front();
      return e;
    }
    std::vector<connect::FieldValues> out;
    for (const RecordRef& r : records) {
      connect::FieldValues v{.ref = r, .values = {}};
      for (const std::string& f : fields) v.values[f] = held[r.id][f];
      out.push_back(std::move(v));
    }
    return out;
  }

  Result<connect::Answer> write(std::span<const connect::FieldValues> changes, connect::Context) override {
    ++writes;
    if (const auto happens = std::exchange(meanwhile, nullptr)) happens();
    if (!trouble.empty()) {
      const Error e = trouble.front();
      trouble.pop_front();
      return e;
    }
    connect::Answer answer;
    for (const auto& c : changes) {
      if (!poison.contains(c.ref.id)) continue;
      connect::Outcome whole;
      whole.verdict = changes.size() > 1 ? connect::Verdict::reject_batch : connect::Verdict::reject_row;
      whole.code = "validation_error";
      answer.outcomes.assign(changes.size(), whole);
      return answer;
    }
    for (const auto& c : changes) {
      if (auto r = refused.find(c.ref.id); r != refused.end()) {
        answer.outcomes.push_back(r->second);
        continue;
      }
      for (const auto& [field, value] : c.values) held[c.ref.id][field] = value;
      written.push_back(c.ref.id);
      answer.outcomes.emplace_back();
    }
    if (answer_lost) {
      answer_lost = false;
      return Error{Action::retry, "timeout", "the answer was lost", {}, true};
    }
    return answer;
  }
};

}  // namespace hw::conformance
