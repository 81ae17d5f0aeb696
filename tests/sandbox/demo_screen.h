#pragma once
#include <map>
#include <string>
#include <vector>

#include "sandbox/company.h"
#include "sandbox/demo.h"
#include "sandbox/demo_judge.h"

namespace hw::sandbox {

/// What a person sees of the demo. A terminal shows progress in one line; elsewhere a line a quarter says it.
class Screen {
 public:
  explicit Screen(const DemoOptions& options);
  void welcome(const std::string& directory) const;
  void progress(const Company& script, const World& world);
  void end_progress() const;
  /// The world at its end: what happened, the accounts, and whether all three views agree.
  void curtain(const Company& script, const World& world, const std::string& accounts, const Judged& judged) const;
  /// The three things worth looking at; `program` is the command that finds this run.
  void look_next(const std::string& deal, const std::string& program) const;
  void goes_on(const std::string& directory) const;
  void goodbye(const std::string& directory) const;

  /// Of the days after the end: a line for what happens, and one for what a platform believes from now on.
  void happens(Timestamp at, const std::string& text) const;
  void believe(Timestamp at, const std::vector<Belief>& beliefs, const Company& script, const World& world);

 private:
  const DemoOptions& options_;
  bool terminal_;
  int shown_ = -1;                                  ///< the last month or percent that was shown
  std::map<std::string, std::int64_t> believed_{};  ///< destination and key -> micros
  bool knows_ = false;
};

}  // namespace hw::sandbox
