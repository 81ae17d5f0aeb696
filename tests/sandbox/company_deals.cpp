// Stories of deals: won, edited, reopened, lost, deleted, merged, too late.
#include "sandbox/company.h"

namespace hw::sandbox {

/// Click, form, qualified, proposal, won: the way it should be.
void Company::plain_in(double t, const std::string& country) {
  const bool us = country == "US";
  const std::size_t b = buyer(country);
  wander(b, t, t + 4);
  click(b, t + 4);
  form(b, t + 4.5);
  wander(b, t + 5, t + 30);
  lifecycle(b, t + 7, "mql");
  lifecycle(b, t + 9, "sql");
  const std::int64_t a = amount();
  const std::size_t d = deal(b, t + 11, a, us ? "USD" : "EUR");
  stage(d, t + 24, "proposal");
  stage(d, t + pick(34, 64), "won");
  lifecycle(b, t + 65, "customer");
  qualified(b);
  won(d, taken(a));
  opportunity(d, taken(fifth(a)));
}

void Company::plain(double t) { plain_in(t, "DE"); }
void Company::plain_us(double t) { plain_in(t, "US"); }

/// Paid in a currency that neither ad account is for.
void Company::in_francs(double t) {
  const std::size_t b = buyer("CH");
  click(b, t);
  form(b, t + 0.5);
  const std::int64_t a = amount();
  // Begun in euros, by mistake.
  const std::size_t d = deal(b, t + 3, a);
  deals_[d].currency = "CHF";
  set_deal(d, t + 3.01, "currency", "CHF");
  stage(d, t + 10, "proposal");
  stage(d, t + 30, "won");
  won(d, nothing("excluded_by_goal"), taken(a));
  opportunity(d, taken(0));
}

/// The amount is edited after it was told: the ad platform is told the new one, raised at once and lowered after the
/// time to settle; analytics keeps what it has.
void Company::edit(double t, bool up) {
  const std::size_t b = buyer();
  click(b, t + pick(0, 3));
  form(b, t + 4);
  wander(b, t + 5, t + 20);
  lifecycle(b, t + 6, "sql");
  const std::int64_t a = amount();
  const std::int64_t later = up ? a + amount() : a / 2 / 10'000 * 10'000;
  const std::size_t d = deal(b, t + 8, a);
  const std::size_t other = colleague(b);
  visit(other, t + 8.5, way_of("google", "organic"));
  form(other, t + 9);
  join(d, other, t + 9.5);
  stage(d, t + 13, "proposal");
  stage(d, t + 25 + pick(0, 5), "won");
  set_amount(d, t + 38, later);
  qualified(b);
  won(d, taken(later), up ? missing("uncorrectable", later, a) : excess("uncorrectable", later, a));
  opportunity(d, taken(fifth(later)));
  shown_.push_back(d);
}

void Company::edit_up(double t) { edit(t, true); }
void Company::edit_down(double t) { edit(t, false); }

/// A slip of the hand: reopened, and back within the time to settle. Nothing is retracted.
void Company::reopened_by_mistake(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 1);
  const std::int64_t a = amount();
  const std::size_t d = deal(b, t + 3, a);
  stage(d, t + 23, "won");
  const double slip = t + 30 + pick(0, 10);
  stage(d, slip, "negotiation");
  stage(d, slip + 1.5, "won");
  won(d, taken(a));
}

void Company::lost(double t) {
  const std::size_t b = buyer();
  wander(b, t, t + 2);
  click(b, t + 2);
  form(b, t + 3);
  lifecycle(b, t + 6, "sql");
  const std::int64_t a = amount();
  const std::size_t d = deal(b, t + 8, a);
  stage(d, t + 16, "proposal");
  stage(d, t + pick(20, 60), "lost");
  qualified(b);
  opportunity(d, taken(fifth(a)));
}

/// Told, then taken back: the ad platform by a value of zero, analytics by a refund.
void Company::lost_after_win(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 1);
  const std::int64_t a = amount();
  const std::size_t d = deal(b, t + 7, a);
  stage(d, t + 12, "proposal");
  stage(d, t + 27, "won");
  stage(d, t + 37, "lost");
  won(d, nothing("not_wanted"));
  opportunity(d, taken(fifth(a)));
}

/// Zero was final: the deal won again goes on as a second occurrence.
void Company::won_again_after_final_zero(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 1);
  const std::int64_t a = amount();
  const std::int64_t again = a + amount();
  const std::size_t d = deal(b, t + 7, a);
  stage(d, t + 27, "won");
  stage(d, t + 37, "lost");
  set_amount(d, t + 42.9, again);
  stage(d, t + 43, "won");
  won_again(d, again);
}

void Company::deleted_after_win(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 1);
  const std::size_t d = deal(b, t + 7, amount());
  stage(d, t + 12, "proposal");
  stage(d, t + 27, "won");
  at(t + 37, [this, d](World& w) {
    w.crm.archive("deals", deals_[d].id, w.now);
    say(w, "deal " + deals_[d].id + " is deleted");
  });
  won(d, nothing("not_wanted"));
  opportunity(d, nothing("not_wanted"));
}

void Company::deal_merge(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 1);
  const std::int64_t kept = amount();
  const std::size_t winner = deal(b, t + 7, kept);
  const std::size_t loser = deal(b, t + 8, amount());
  stage(winner, t + 27, "won");
  stage(loser, t + 29, "won");
  at(t + 37, [=, this](World& w) { w.crm.merge("deals", deals_[loser].id, deals_[winner].id, w.now); });
  won(winner, taken(kept));
  won(loser, nothing("merged"));
}

/// Back from proposal to qualified: the opportunity was reached all the same.
void Company::regressed(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 1);
  const std::int64_t a = amount();
  const std::size_t d = deal(b, t + 2, a);
  stage(d, t + 10, "proposal");
  stage(d, t + 20, "qualified");
  opportunity(d, taken(fifth(a)));
}

/// From the first appointment to the signature, without a proposal.
void Company::skipped_stages(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 1);
  wander(b, t + 2, t + 10);
  const std::int64_t a = amount();
  const std::size_t d = deal(b, t + 4, a);
  stage(d, t + 14, "won");
  won(d, taken(a));
}

/// Next month, and next month, and next month.
void Company::close_date_moved(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 1);
  const std::int64_t a = amount();
  const std::size_t d = deal(b, t + 4, a);
  double moved = t + 8;
  for (const char* date : {"2025-03-31", "2025-04-30", "2026-01-31"}) set_deal(d, moved += 12, "closed_at", date);
  stage(d, t + 10, "proposal");
  stage(d, t + 50, "won");
  opportunity(d, taken(fifth(a)));
  won(d, taken(a));
}

void Company::test_record(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 1);
  const std::size_t d = deal(b, t + 2, amount(), "EUR", "test");
  stage(d, t + 6, "proposal");
  stage(d, t + 16, "won");
  won(d, nothing("excluded_by_goal"));
  opportunity(d, nothing("excluded_by_goal"));
}

void Company::no_amount(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 1);
  const std::size_t d = deal(b, t + 2, -1);
  stage(d, t + 16, "won");
  won(d, nothing("no_value"));
}

void Company::zero_amount(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 1);
  const std::size_t d = deal(b, t + 2, 0);
  stage(d, t + 16, "won");
  won(d, nothing("not_positive"));
}

/// A deal that takes longer than the click's window; analytics knows the visitor all the same.
void Company::expired(double t) {
  const std::size_t b = buyer();
  wander(b, t, t + 1);
  click(b, t + 1);
  form(b, t + 2);
  lifecycle(b, t + 6, "sql");
  const std::int64_t a = amount();
  const std::size_t d = deal(b, t + 18, a);
  stage(d, t + 98 + pick(0, 30), "won");
  qualified(b);
  won(d, missing("expired", a), taken(a));
}

/// The same, but the buyer clicked again in between.
void Company::later_click_in_window(double t) {
  const std::size_t b = buyer();
  click(b, t);
  const std::string first = buyers_[b].click;
  form(b, t + 1);
  const std::int64_t a = amount();
  const std::size_t d = deal(b, t + 17, a);
  click(b, t + 67);
  buyers_[b].click = first;
  stage(d, t + 102, "won");
  won(d, taken(a));
}

/// What was reached before Headwater went live is counted and not sent.
void Company::before_go_live(double) {
  const std::size_t b = buyer();
  click(b, -60);
  form(b, -59);
  lifecycle(b, -55, "sql");
  const std::size_t d = deal(b, -50, amount());
  stage(d, -pick(5, 20), "won");
  qualified(b, nothing("before_go_live"), nothing("before_go_live"));
  won(d, nothing("before_go_live"));
}

}  // namespace hw::sandbox
