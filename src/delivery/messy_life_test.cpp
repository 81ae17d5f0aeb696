#include <gtest/gtest.h>

#include <algorithm>

#include "delivery/messy_kit.h"
#include "delivery/test_deals.h"

/// Lives of deals as they come, under faults: whatever happens in whatever order, the ledger, the platform's books and
/// the CRM agree in the end.
namespace hw::delivery::messy {
namespace {

/// A deal as its CRM has it.
struct Known {
  std::string contact, stage = "won", amount, currency = "EUR", into;
  enum class State { live, deleted, gone, merged } state = State::live;
};

/// Three people with four deals, two of them on one click, and what befalls them.
class Life {
 public:
  Life(const Platform& platform, std::uint64_t seed)
      : story_(platform, seed), dice_(make_seeded_random(seed * 1000 + platform.kind)) {
    settings::Destination& d = story_.settings.destinations[0];
    d.settle = kHour * 12;
    d.max_lowering_count = 1000;
    d.max_lowering_millionths = 1'000'000;
    story_.start();
    story_.sink().weather = [this] { return fault(); };
    story_.db->commit_fails = [this] { return failing_ > 0 && failing_-- > 0; };
    for (const char* who : {"A", "B", "C"}) story_.person(who, std::string("click-") + who);
    for (const auto& [id, who] : {std::pair{"D1", "A"}, {"D2", "B"}, {"D3", "C"}, {"D4", "C"}}) {
      const std::string amount = any_amount();
      story_.of(id, who, "won", amount);
      deals_[id] = {.contact = who, .amount = amount, .into = {}};
    }
  }

  /// One thing happens, and time passes.
  void step() {
    const std::string id = "D" + std::to_string(1 + dice_->below(4));
    Known& deal = deals_[id];
    if (deal.state == Known::State::live) {
      edit(id, deal);
    } else {
      bring_back(id, deal);
    }
    if (dice_->below(3) == 0) fail_some_commits();
    story_.pass(std::chrono::minutes(dice_->below(3) == 0 ? dice_->below(4000) : dice_->below(90)));
  }

  /// The troubles end, and everything has time to settle.
  void calm() {
    calm_ = true;
    story_.sink().refused.clear();
    story_.sink().refused_later.clear();
    story_.pass(kDay * 4);
  }

  std::string disagreements() { return story_.disagreements(); }
  /// What at the end is neither said nor so: differences between the CRM and what is wanted, and what still waits or is
  /// uncertain without need.
  std::string unfinished() {
    std::string out;
    for (const auto& [id, deal] : deals_) {
      std::int64_t wanted = 0;
      for (const auto& c : story_.conversions(id)) {
        const auto s = story_.read([&](store::Tx& tx) { return store::ledger_rows::standing(tx, c.id, "ads"); });
        if (!s) continue;
        wanted += s->t_micros;
        if (s->reason == "waiting") out += id + " still waits: " + story_.history(id) + "\n";
        if (s->state == "uncertain" && !may_be_uncertain(c.id))
          out += id + " is uncertain: " + story_.history(id) + "\n";
      }
      const auto true_value = value_of(deal);
      if (true_value && *true_value != wanted)
        out += id + " is worth " + std::to_string(*true_value) + ", wanted " + std::to_string(wanted) + "\n";
    }
    return out;
  }
  [[nodiscard]] const std::string& told() const { return told_; }

 private:
  void note(const std::string& what) { told_ += what + "; "; }
  std::string any_amount() {
    return std::to_string(1 + dice_->below(900)) + "." + std::to_string(10 + dice_->below(90));
  }

  void edit(const std::string& id, Known& deal) {
    switch (dice_->below(12)) {
      case 0:
      case 1:
        return set(id, "stage", deal.stage = dice_->below(2) == 0 ? "lost" : "qualified");
      case 2:
      case 3:
        return set(id, "stage", deal.stage = "won");
      case 4:
        return set(id, "currency", deal.currency = deal.currency == "EUR" ? "USD" : "EUR");
      case 5:
        return take_away(id, deal);
      case 6:
        return merge(id, deal);
      case 7:
        return allow(deal.contact);
      case 8:
        return refuse(id);
      case 9:
        return reconfigure();
      default:
        return set(id, "amount", deal.amount = dice_->below(6) == 0 ? "0" : any_amount());
    }
  }
  void set(const std::string& id, const char* field, const std::string& value) {
    note(id + " " + field + " " + value);
    story_.set(id, field, value);
  }
  void take_away(const std::string& id, Known& deal) {
    deal.state = dice_->below(3) == 0 ? Known::State::gone : Known::State::deleted;
    note(id + (deal.state == Known::State::gone ? " gone" : " deleted"));
    story_.remove(id, deal.state == Known::State::gone ? Removal::Kind::gone : Removal::Kind::deleted);
  }
  void merge(const std::string& id, Known& deal) {
    const std::string winner = "D" + std::to_string(1 + dice_->below(4));
    if (winner == id || deals_[winner].state != Known::State::live) return;
    deal.state = Known::State::merged;
    deal.into = winner;
    note(id + " merged into " + winner);
    story_.merge(Object::deal, id, winner);
  }
  void bring_back(const std::string& id, Known& deal) {
    note(id + " is back");
    if (deal.state == Known::State::merged) {
      story_.clock.advance(std::chrono::seconds(1));
      story_.take({Merge{{"crm", Object::deal, id}, deal.into, story_.clock.system_now(), true}});
    } else {
      story_.remove(id, Removal::Kind::restored);
    }
    deal.state = Known::State::live;
  }
  void allow(const std::string& person) {
    const bool denies = dice_->below(2) == 0;
    note(person + (denies ? " denies" : " agrees"));
    story_.consent(person, denies ? ConsentState::denied : ConsentState::granted);
  }
  /// The platform refuses what is said under its key from now on, in the answer or later, or does so no more.
  void refuse(const std::string& id) {
    const std::string key = story_.dedup_id(id);
    note("refusal of " + id);
    const bool confirms = story_.sink().rules.receipt > connect::Receipt::request;
    if (story_.sink().refused.erase(key) + story_.sink().refused_later.erase(key) > 0) return;
    if (is_under_way(id)) return;  // who may have taken it knows its key, and refuses no repeat
    if (confirms && dice_->below(2) == 0)
      story_.sink().refused_later[key] = later(connect::Verdict::reject_row, "bad_row");
    else if (dice_->below(2) == 0)
      story_.sink().refused[key] = "bad_row";
    else
      story_.sink().postponed[key] = later(connect::Verdict::retry, "not_ready");
  }
  bool is_under_way(const std::string& id) {
    const auto rows = story_.uploads(id);
    return std::any_of(rows.begin(), rows.end(),
                       [](const store::StoredUpload& u) { return ledger::sent(u) && ledger::unsettled(u); });
  }
  void reconfigure() {
    std::string& action = story_.settings.destinations[0].action;
    action = action == "7" ? "9" : "7";
    note("action " + action);
    story_.start();
  }

  void fail_some_commits() {
    failing_ = 1 + static_cast<int>(dice_->below(2));
    try {
      (void)story_.reconcile();
      (void)story_.deliver();
    } catch (const conformance::Crash&) {
      failing_ = 0;
      story_.start();
    }
    failing_ = 0;
  }

  PlatformFault fault() {
    if (calm_) return PlatformFault::none;
    const Timestamp now = story_.clock.system_now();
    if (now < away_until_) return dice_->below(2) == 0 ? PlatformFault::lost_before : PlatformFault::busy;
    if (dice_->below(12) == 0) away_until_ = now + kHour * static_cast<std::int64_t>(dice_->below(80));
    static constexpr PlatformFault faults[] = {PlatformFault::lost_before,  PlatformFault::lost_after,
                                               PlatformFault::crash_before, PlatformFault::crash_after,
                                               PlatformFault::busy,         PlatformFault::sign_in};
    return dice_->below(3) == 0 ? faults[dice_->below(6)] : PlatformFault::none;
  }

  /// After an attempt whose answer was lost, and nothing else is wanted since: a person's to decide.
  static bool was_refused(const store::StoredUpload& u) {
    return u.detail.starts_with("refused, but an earlier attempt");
  }
  /// Until when what was sent and not answered may go again, by the platform's rules: absent: for ever.
  [[nodiscard]] std::optional<Timestamp> repeatable_until(const store::StoredUpload& u) const {
    switch (story_.platform.kind) {
      case plain:
      case no_receipt:
        return u.first_attempt_at;  // no key
      case two_days:
        return std::min(*u.first_attempt_at + kHour * 48 - kHour * 2, u.expires_at);
      case refunding:
        return u.operation == Operation::retract ? *u.first_attempt_at : u.expires_at;
      default:
        return std::nullopt;
    }
  }
  /// Where the rules of the platform leave no other way: consent was withdrawn before the answer came, or what was sent
  /// may not go again, for want of a key or because a window has closed.
  bool may_be_uncertain(std::int64_t conversion) {
    return story_.read([&](store::Tx& tx) {
      for (const auto& u : store::ledger_rows::uploads(tx, conversion, "ads")) {
        if (u.state != UploadState::uncertain) continue;
        if (u.code == "consent" || was_refused(u)) return true;
        const auto until = repeatable_until(u);
        const auto events = store::ledger_rows::events(tx, u.id);
        if (u.first_attempt_at && until && !events.empty() && events.back().at >= *until) return true;
      }
      return false;
    });
  }

  /// What its CRM says that it is worth; of what is out of sight, what was told stays.
  static std::optional<std::int64_t> value_of(const Known& deal) {
    if (deal.state == Known::State::gone) return std::nullopt;
    if (deal.state != Known::State::live || deal.stage != "won") return 0;
    return parse_micros(deal.amount).value();
  }

  Story story_;
  std::unique_ptr<Random> dice_;
  std::map<std::string, Known> deals_;
  std::string told_;
  Timestamp away_until_{};
  int failing_ = 0;  ///< commits to come that fail
  bool calm_ = false;
};

class MessyLife : public testing::TestWithParam<Platform> {};

TEST_P(MessyLife, EndsWithBooksThatAgreeToTheCent) {
  for (std::uint64_t seed = 1; seed <= 2 && !HasFailure(); ++seed) {
    Life life(GetParam(), seed);
    for (int i = 0; i < 12 && !HasFailure(); ++i) {
      life.step();
      EXPECT_EQ(life.disagreements(), "") << "seed " << seed << ": " << life.told();
    }
    life.calm();
    EXPECT_EQ(life.disagreements(), "") << "seed " << seed << ": " << life.told();
    EXPECT_EQ(life.unfinished(), "") << "seed " << seed << ": " << life.told();
  }
}

INSTANTIATE_TEST_SUITE_P(Platforms, MessyLife, testing::ValuesIn(platforms()),
                         [](const auto& platform) { return std::string(platform.param.name); });

}  // namespace
}  // namespace hw::delivery::messy
