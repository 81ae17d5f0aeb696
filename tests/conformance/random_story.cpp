#include "conformance/random_story.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/random.h"
#include "conformance/loop.h"

namespace hw::conformance {

const std::map<std::string, PlatformFault> kFaults{{"lost before it arrives", PlatformFault::lost_before},
                                                   {"its answer is lost", PlatformFault::lost_after},
                                                   {"busy", PlatformFault::busy},
                                                   {"we die before it leaves", PlatformFault::crash_before},
                                                   {"we die before its answer", PlatformFault::crash_after},
                                                   {"sign in anew", PlatformFault::sign_in}};
namespace {

using connect::Contract;
using connect::Counting;
using connect::Receipt;
using connect::ZeroRule;
using Verb = Happening::Verb;
using Count = settings::Goal::Count;

connect::DedupRule dedup_rule(int kind) {
  connect::DedupRule d{.exists = kind != 0, .known = true, .window = std::nullopt};
  if (kind == 1) d.window = kDay * 2;
  d.repeat_overwrites = kind == 3;
  d.of_uploads_alone = kind == 4;
  return d;
}

/// Deals are won and lost, amounts change, people and deals merge; meanwhile requests fail and time passes.
class Author {
 public:
  Author(std::uint64_t seed, bool with_gap) : dice_(make_seeded_random(seed)), with_gap_(with_gap) {}

  Story write() {
    draw_rules();
    deals_ = 2 + below(4);
    for (int i = 0; i < deals_; ++i)
      if (!one_in(3)) happens(Verb::create, "D" + std::to_string(i), person(), one_in(3) ? any_stage() : "won");
    const int length = 4 + below(10);
    some(length);
    if (!with_gap_) {
      some(length);
      return s_;
    }
    happens(Verb::back_up, "a.db");
    some(2 + below(length));
    const bool another = one_in(4);
    if (another) happens(Verb::back_up, "b.db");
    if (another) some(1 + below(5));
    restore(another && one_in(2) ? "b.db" : "a.db");
    some(length);
    if (one_in(4)) {
      happens(Verb::back_up, "c.db");
      some(2 + below(5));
      restore("c.db");
      some(3);
    }
    return s_;
  }

 private:
  int below(int n) { return static_cast<int>(dice_->below(static_cast<std::uint64_t>(n))); }
  bool one_in(int n) { return below(n) == 0; }
  template <class T>
  T one_of(const std::vector<T>& all) {
    return all[dice_->below(all.size())];
  }
  template <class T>
  std::string key_of(const std::map<std::string, T>& all) {
    return std::next(all.begin(), below(static_cast<int>(all.size())))->first;
  }
  std::string deal() { return "D" + std::to_string(below(deals_)); }
  std::string person() { return "C" + std::to_string(below(s_.people)); }
  std::string connector() { return one_of<std::string>({"ads_connector", "adjuster", "other_connector"}); }
  std::string any_stage() { return one_of<std::string>({"new", "qualified", "won", "lost"}); }

  Contract contract() {
    Contract c = generous();
    set_dedup(c, below(5));
    c.receipt = static_cast<Receipt>(below(4));
    c.zero = static_cast<ZeroRule>(below(3));
    const int lacks = one_in(2) ? 0 : below(5);
    if (lacks == 1 || lacks == 3) c.operations.erase(Operation::retract);
    if (lacks == 2 || lacks == 3) c.operations.erase(Operation::restate);
    c.restate_down = lacks != 4;
    if (one_in(3)) c.counting = static_cast<Counting>(below(3));
    if (one_in(6)) c.adjust_until = kDay * 5;
    if (one_in(6)) c.conversion_window = kDay * 7;
    c.needs_consent = one_in(2);
    return c;
  }
  static void set_dedup(Contract& c, int kind) {
    c.dedup = dedup_rule(kind);
    c.resend_is_harmless = c.dedup.exists && !c.dedup.of_uploads_alone;
  }

  void draw_rules() {
    s_.platform = contract();
    if (one_in(3)) {
      s_.adjuster = s_.platform;
      set_dedup(*s_.adjuster, below(5));
      s_.adjuster->receipt = static_cast<Receipt>(below(4));
    }
    if (one_in(3)) s_.other = one_in(2) ? contract() : s_.platform;
    s_.other_goal = s_.other && one_in(2);
    if (one_in(3)) s_.count = one_of<Count>({Count::once_per_lineage, Count::each, Count::once_per_person});
    s_.settle = kHour * one_of<int>({0, 1, 12, 12, 72});
    if (one_in(6)) s_.gather = kHour;
    s_.batch = 1 + dice_->below(3);
    s_.routed = one_in(4);
    s_.send_zero = one_in(6);
    s_.brake = one_in(8);
    s_.people = 2 + below(3);
    merges_ = one_in(2);
    troubled_ = !one_in(3);
    modes_ = one_in(8);
  }

  void happens(Verb verb, std::string who = "", std::string whom = "", std::string what = "", Duration time = {}) {
    s_.happenings.push_back({verb, std::move(who), std::move(whom), std::move(what), time});
  }

  void some(int n) {
    for (int i = 0; i < n; ++i) {
      if (!one_in(3)) in_the_crm();
      if (troubled_ && one_in(3)) trouble();
      if (below(5) < 3) work();
      if (modes_ && one_in(6)) happens(Verb::mode, "ads", "", one_of<std::string>({"live", "live", "shadow", "test"}));
      if (s_.brake && one_in(5)) happens(Verb::approve);
    }
  }

  void in_the_crm() {
    const int kind = below(merges_ ? 16 : 12);
    if (kind < 3) return happens(Verb::set, deal(), "stage", one_in(3) ? any_stage() : one_in(2) ? "won" : "lost");
    if (kind < 6)
      return happens(Verb::set, deal(), "amount",
                     one_of<std::string>({"100", "100", "150", "150", "50", "50", "200", "200", "300", "0", "", "-5"}));
    if (kind == 6 && one_in(2)) return happens(Verb::set, deal(), "currency", one_of<std::string>({"EUR", "USD"}));
    if (kind == 6) return happens(Verb::set, deal(), "owner", std::to_string(s_.happenings.size()));
    if (kind == 7 && s_.routed) return happens(Verb::set, deal(), "team", one_of<std::string>({"x", "y"}));
    if (kind < 9) return happens(Verb::create, deal(), person(), one_in(3) ? any_stage() : "won");
    if (kind < 11) return happens(one_in(3) ? Verb::remove : Verb::bring_back, deal());
    if (kind == 11) return happens(Verb::consent, person(), "", one_of<std::string>({"granted", "denied"}));
    if (kind == 12) return happens(Verb::merge, deal(), deal());
    if (kind == 13) return happens(Verb::part, deal());
    if (kind == 14) return happens(Verb::merge, person(), person());
    happens(Verb::part, person());
  }

  void work() {
    const int kind = below(10);
    if (kind < 6)
      return happens(Verb::pass, "", "", "",
                     one_of<Duration>({std::chrono::seconds(5), std::chrono::minutes(1), std::chrono::minutes(20),
                                       std::chrono::minutes(20), kHour, kHour, kHour * 3, kHour * 3, kHour * 13,
                                       kHour * 13, kDay, kDay, kDay * 2, kDay * 2, kDay * 3, kDay * 9, kDay * 30}));
    happens(kind < 8 ? Verb::settle : kind == 8 ? Verb::reconcile : Verb::deliver);
  }

  void trouble() {
    const int kind = below(16);
    if (kind < 2) return happens(one_in(2) ? Verb::refuse : Verb::refuse_later, connector(), deal());
    if (kind < 4) return happens(Verb::calm);
    if (kind == 4) return happens(Verb::forget, connector());
    if (kind == 5) return happens(Verb::outage, connector());
    happens(Verb::fault, connector(), "", key_of(kFaults));
  }

  void restore(const std::string& file) { happens(Verb::restore, file, "", one_in(4) ? kAnHourLater : ""); }

  std::unique_ptr<Random> dice_;
  bool with_gap_;
  int deals_ = 2;
  bool merges_ = false, troubled_ = false, modes_ = false;
  Story s_;
};

std::string in_words(const Contract& c) {
  static const char* const receipts[] = {"no receipts", "a receipt of each request", "counts of a request",
                                         "a fate of each row"};
  static const char* const zeros[] = {"zero is ordinary", "zero is final", "zero is refused"};
  std::string out = !c.dedup.exists             ? "a repeat counts again"
                    : c.dedup.window            ? "a repeat within 2 days is none"
                    : c.dedup.repeat_overwrites ? "a repeat overwrites"
                    : c.dedup.of_uploads_alone  ? "a repeated upload is none"
                                                : "a repeat is none";
  out += std::string(", ") + receipts[static_cast<int>(c.receipt)] + ", " + zeros[static_cast<int>(c.zero)];
  for (const Operation o : c.operations) out += std::string(", ") + to_string(o) + "s";
  if (!c.restate_down) out += ", never lowers";
  if (c.counting != Counting::every) out += ", counts a click once";
  if (c.adjust_until) out += ", corrections for 5 days";
  if (c.conversion_window > Duration{}) out += ", conversions up to 7 days old";
  return out + (c.needs_consent ? ", needs consent" : "");
}

std::string minutes(Duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::minutes>(d).count()) + " min";
}

}  // namespace

Story draw_story(std::uint64_t seed, bool with_gap) { return Author(seed, with_gap).write(); }

std::string in_words(const Happening& h) {
  static const std::map<Verb, std::string> kWords{
      {Verb::create, "{who} of {whom} is created, {what}"},
      {Verb::set, "{who}: {whom} is now '{what}'"},
      {Verb::remove, "{who} is deleted"},
      {Verb::bring_back, "{who} is brought back"},
      {Verb::merge, "{who} is merged into {whom}"},
      {Verb::part, "{who} is parted from what it was merged into"},
      {Verb::consent, "{who}'s consent is {what}"},
      {Verb::pass, "{time} pass"},
      {Verb::settle, "all that is due is done"},
      {Verb::reconcile, "one step of the reconciler"},
      {Verb::deliver, "one step of the reconciler and of the sender"},
      {Verb::fault, "the next request to {who}: {what}"},
      {Verb::outage, "the next answer of {who} is lost, and it is busy from then on"},
      {Verb::refuse, "{who} refuses {whom} from now on"},
      {Verb::refuse_later, "{who} refuses {whom} from now on, and says so later"},
      {Verb::forget, "{who} knows no receipt any more"},
      {Verb::calm, "every trouble ends"},
      {Verb::mode, "{who} is in mode {what}"},
      {Verb::approve, "a person lets the braked rows go"},
      {Verb::back_up, "backup {who}"},
      {Verb::restore, "restore of {who}, and the CRM is read again{what}"},
  };
  std::string out = kWords.at(h.verb);
  const std::map<std::string, std::string> holes{
      {"{who}", h.who}, {"{whom}", h.whom}, {"{what}", h.what}, {"{time}", minutes(h.time)}};
  for (const auto& [hole, word] : holes)
    if (const auto at = out.find(hole); at != std::string::npos) out.replace(at, hole.size(), word);
  return out;
}

std::string in_words(const Story& s) {
  static const char* const counts[] = {"once per lineage", "once per person", "each"};
  std::string out = "ads: " + in_words(s.platform) + "\n";
  if (s.adjuster) out += "its adjuster: " + in_words(*s.adjuster) + "\n";
  if (s.other) out += (s.other_goal ? "other, of early deals: " : "other: ") + in_words(*s.other) + "\n";
  out += std::to_string(s.people) + " people, a deal counts " + counts[static_cast<int>(s.count)] + ", settles " +
         minutes(s.settle) + ", gathers " + minutes(s.gather) + ", batches of " + std::to_string(s.batch) +
         (s.routed ? ", team x alone" : "") + (s.send_zero ? ", zero is sent" : "") + (s.brake ? ", a brake" : "");
  for (const Happening& h : s.happenings) out += "\n  " + in_words(h);
  return out + "\n";
}

Story shrink(Story s, const std::function<bool(const Story&)>& fails) {
  const Contract plain = generous();
  const std::vector<std::function<void(Story&)>> simplifications{
      [](Story& x) { x = {.platform = x.platform, .happenings = x.happenings}; },
      [](Story& x) { x.other.reset(), x.other_goal = false; },
      [](Story& x) { x.adjuster.reset(); },
      [](Story& x) { x.count = Count::once_per_lineage; },
      [](Story& x) { x.routed = x.send_zero = x.brake = false; },
      [](Story& x) { x.settle = x.gather = {}, x.batch = 1; },
      [&](Story& x) { x.platform = plain; },
      [&](Story& x) { x.platform.dedup = plain.dedup, x.platform.resend_is_harmless = true; },
      [&](Story& x) { x.platform.receipt = plain.receipt; },
      [&](Story& x) { x.platform.zero = plain.zero; },
      [&](Story& x) { x.platform.operations = plain.operations, x.platform.restate_down = true; },
      [&](Story& x) { x.platform.counting = plain.counting, x.platform.needs_consent = false; },
      [&](Story& x) { x.platform.adjust_until.reset(), x.platform.conversion_window = {}; },
      [](Story& x) {
        for (Happening& h : x.happenings)
          if (h.verb == Verb::restore) h.what.clear();
      }};
  for (bool again = true; again;) {
    again = false;
    const auto goes_on_with = [&](const Story& x) {
      if (in_words(x) == in_words(s) || !fails(x)) return false;
      s = x;
      return again = true;
    };
    for (std::size_t chunk = std::max<std::size_t>(1, s.happenings.size() / 3); chunk > 0; chunk /= 2)
      for (std::size_t i = 0; i + chunk <= s.happenings.size();) {
        Story x = s;
        const auto first = x.happenings.begin() + static_cast<std::ptrdiff_t>(i);
        x.happenings.erase(first, first + static_cast<std::ptrdiff_t>(chunk));
        if (!goes_on_with(x)) i += chunk;
      }
    for (const auto& simplify : simplifications) {
      Story x = s;
      simplify(x);
      goes_on_with(x);
    }
  }
  return s;
}

}  // namespace hw::conformance
