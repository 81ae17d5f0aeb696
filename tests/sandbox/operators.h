#pragma once
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "sandbox/sandbox_run.h"

namespace hw::sandbox {

/// The people around a daemon, at random: they pause a connector for some hours, change the configuration and reload
/// it, spoil the ad account for some hours and then do what the platform's refusals ask for: mend it, resume the
/// connector, have the refused rows tried again. All of it by the program's own commands, and soon enough that no
/// platform's window closes meanwhile. The seed makes other people of the same kind.
class Operators {
 public:
  /// `run` stays while this does.
  Operators(SandboxRun& run, std::uint64_t seed);
  /// What they do by now, beside a working daemon or a dead one.
  void work(Timestamp now);
  /// They wait for each of their commands: how far the world may go meanwhile.
  Timestamp world_waits_at();
  /// Everything they began is ended: nothing is paused, spoiled or refused for good. (With no daemon at work.)
  void finish();
  /// What they asked for is done; with no daemon at work.
  void rest();
  /// After a restore: pauses that they ended may stand again, and refusals that they mended.
  void look_around();
  [[nodiscard]] const std::string& wrong() const { return wrong_; }                   ///< "" or the command that failed
  [[nodiscard]] const std::map<std::string, int>& census() const { return census_; }  ///< what -> how often

 private:
  /// Something that is begun now and then, and ended some hours later.
  struct Spell {
    Timestamp next{};
    bool on = false;
    /// Is it to be begun, or ended?
    [[nodiscard]] bool due(Timestamp now) const { return now >= next; }
  };

  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  void turn(Spell& spell, Timestamp now);
  void pause_or_resume(Timestamp now);
  void spoil_or_mend(Timestamp now);
  void change_configuration(Timestamp now);
  void mend(const std::vector<std::string>& connectors);
  void retry_uncertain();
  void fail(const std::vector<std::string>& words, int status);
  void command(std::vector<std::string> words);
  void take_answer();

  SandboxRun& run_;
  std::mt19937_64 random_;
  Spell pause_, spoilt_, change_;
  std::string paused_;
  /// One at a time, beside a world that hardly goes on meanwhile.
  std::deque<std::vector<std::string>> commands_;
  std::unique_ptr<Child> under_way_;
  Timestamp asked_at_{};
  std::string wrong_;
  std::map<std::string, int> census_;
};

}  // namespace hw::sandbox
