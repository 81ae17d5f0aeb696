#include "sandbox/operators.h"

#include <signal.h>

#include <nlohmann/json.hpp>

#include "sandbox/demo_setup.h"

namespace hw::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr int kDaysBetween = 25;  ///< spells of one kind, at most
constexpr int kHours = 6;         ///< that a pause or another configuration lasts, at most
constexpr int kSpoiltHours = 30;  ///< that the ad account is spoilt, at most: over a day's reading
constexpr const char* kLog = "/operators.log";
constexpr int kPatienceSeconds = 60;
constexpr const char* kConnectors[] = {"hubspot", "google", "ga4", "visits", "spend"};
constexpr const char* kTermsUnsigned = "TERMS_AND_CONDITIONS_NOT_SIGNED";  ///< pauses the destination
constexpr const char* kEventRefusal = "INVALID_EVENT";                     ///< of each row
constexpr const char* kEventRefusalCode = "invalid_event";                 ///< as the ledger has it

}  // namespace

Operators::Operators(SandboxRun& run, std::uint64_t seed) : run_(run), random_(seed * 31337 + 5) {}

void Operators::turn(Spell& spell, Timestamp now) {
  spell.on = !spell.on;
  const int most = &spell == &spoilt_ ? kSpoiltHours : kHours;
  spell.next = now + (spell.on ? minutes(1 + below(most * 60)) : minutes(60 * (24 + below(24 * kDaysBetween))));
}

void Operators::work(Timestamp now) {
  take_answer();
  for (Spell* spell : {&pause_, &spoilt_, &change_})
    if (spell->next == Timestamp{}) spell->next = now + hours(1 + below(24 * kDaysBetween));
  if (pause_.due(now)) pause_or_resume(now);
  if (spoilt_.due(now)) spoil_or_mend(now);
  if (change_.due(now)) change_configuration(now);
}

Timestamp Operators::world_waits_at() {
  take_answer();
  return under_way_ ? asked_at_ + minutes(30) : Timestamp::max();
}

void Operators::finish() {
  const Timestamp now = run_.world().now;
  if (pause_.on) pause_or_resume(now);
  if (spoilt_.on) spoil_or_mend(now);
  look_around();
  rest();
}

void Operators::rest() {
  while (wrong_.empty() && !commands_.empty()) {
    if (under_way_) under_way_->wait(kPatienceSeconds);
    take_answer();
  }
}

void Operators::command(std::vector<std::string> words) {
  const std::string name = words.front();
  ++census_[name];
  if (commands_.empty()) asked_at_ = run_.world().now;
  commands_.push_back(std::move(words));
  take_answer();
}

void Operators::take_answer() {
  if (under_way_ && under_way_->ended()) {
    // 1: there was nothing to resume or to try again; 75: the daemon takes it up later.
    const int status = under_way_->status();
    const bool good = status == 0 || status == 75 || (status == 1 && commands_.front().front() != "pause");
    if (!good) fail(commands_.front(), status);
    if (status == 0 && commands_.front().front() == "uploads") ++census_["tried_again"];
    commands_.pop_front();
    under_way_.reset();
  }
  if (!under_way_ && !commands_.empty())
    under_way_ =
        std::make_unique<Child>(run_.command(commands_.front()), std::vector<std::string>{}, run_.dir() + kLog);
}

void Operators::fail(const std::vector<std::string>& words, int status) {
  wrong_ = "headwater";
  for (const std::string& w : words) wrong_ += " " + w;
  wrong_ += " failed with exit code " + std::to_string(status) + ": see " + run_.dir() + kLog;
}

void Operators::pause_or_resume(Timestamp now) {
  turn(pause_, now);
  if (pause_.on) paused_ = kConnectors[below(std::size(kConnectors))];
  command({pause_.on ? "pause" : "resume", paused_});
}

void Operators::spoil_or_mend(Timestamp now) {
  turn(spoilt_, now);
  const bool bars = below(3) == 0, half = below(2) == 0;
  run_.server().locked([&] {
    for (AdAction& action : run_.world().ads.actions) {
      action.barred_by = spoilt_.on && bars ? kTermsUnsigned : "";
      action.refuses = spoilt_.on && !bars ? kEventRefusal : "";
      action.refuses_half = half;
    }
  });
  if (!spoilt_.on) mend({"google"});
}

void Operators::look_around() { mend({std::begin(kConnectors), std::end(kConnectors)}); }

/// What the refusals ask for.
void Operators::mend(const std::vector<std::string>& connectors) {
  for (const std::string& connector : connectors)
    if (!pause_.on || paused_ != connector) command({"resume", connector});
  retry_uncertain();
  command({"uploads", "retry", "--reason", kEventRefusalCode});
}

/// A refusal does not tell what became of an attempt before it whose answer was lost. These platforms know a key that
/// they have already counted, so it can be tried again.
void Operators::retry_uncertain() {
  const Output out =
      run_.ask({"uploads", "list", "--state", "uncertain", "--reason", kEventRefusalCode, "--format", "json"});
  if (out.status != 0) return fail({"uploads", "list", "--reason", kEventRefusalCode}, out.status);
  std::vector<std::string> words{"uploads", "retry", "--uncertain"};
  for (const auto& row : nlohmann::json::parse(out.text))
    words.push_back(std::to_string(row.at("id").get<std::int64_t>()));
  if (words.size() > 3) command(words);
}

void Operators::change_configuration(Timestamp now) {
  turn(change_, now);
  if (auto wrong = pull_demo_every(run_.dir(), change_.on ? "12h" : "1d"); !wrong.empty()) wrong_ = wrong;
  if (run_.daemon().hears(SIGHUP)) {
    run_.daemon().signal(SIGHUP);
    ++census_["reload"];
  }
}

}  // namespace hw::sandbox
