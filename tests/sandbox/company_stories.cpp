#include "base/zone.h"
#include "model/money.h"
#include "sandbox/company.h"

namespace hw::sandbox {
namespace {

std::int64_t fifth(std::int64_t micros) {
  // 20 % of the amount, rounded half away from zero to cents: amounts have whole cents.
  const std::int64_t cents = micros / 10'000;
  return (cents * 2 + 5) / 10 * 10'000;
}

}  // namespace

void Company::stories() {
  for (int i = 0; i < 12; ++i) plain(i % 4 == 3);
  for (int i = 0; i < 3; ++i) edit(/*up=*/true);
  for (int i = 0; i < 3; ++i) edit(/*up=*/false);
  reopened_by_mistake();
  reopened_by_mistake();
  for (int i = 0; i < 2; ++i) lost_after_win();
  for (int i = 0; i < 2; ++i) won_again_after_final_zero();
  for (int i = 0; i < 2; ++i) deleted_after_win();
  contact_merge_loser_told();
  contact_merge_both_told();
  unmerge();
  shared_device();
  for (int i = 0; i < 2; ++i) late_click();
  late_click_after_upload();
  consent_never_given();
  consent_given_late();
  for (int i = 0; i < 2; ++i) consent_withdrawn();
  no_identifier(/*early=*/true);
  no_identifier(/*early=*/false);
  for (int i = 0; i < 2; ++i) expired();
  later_click_in_window();
  for (int i = 0; i < 4; ++i) unattributed();
  test_record();
  no_amount(/*zero=*/true);
  no_amount(/*zero=*/false);
  recent_click();
  two_deals_one_person();
  for (int i = 0; i < 3; ++i) before_go_live();
  deal_merge();
  regressed();
  source_typed_first();
  source_typed_later();
}

/// Click, form, qualified, proposal, won: the way it should be.
void Company::plain(bool us) {
  ++census_["plain"];
  const std::size_t b = buyer(us ? "US" : "DE");
  const double t = pick(1, 70);
  click(b, t);
  visit(b, t + 0.3, "newsletter", "email", "spring", false);
  form(b, t + 0.5);
  lifecycle(b, t + 3, "mql");
  lifecycle(b, t + 5, "sql");
  const std::int64_t a = amount();
  const std::size_t d = deal(b, t + 7, a, us ? "USD" : "EUR");
  stage(d, t + 20, "proposal");
  stage(d, t + pick(30, 60), "won");
  lifecycle(b, t + 61, "customer");
  qualified(b, "taken", "", true);
  won(d, {.state = "taken", .reason = "", .wanted = a, .told = a});
  if (us) return opportunity(d, {.state = "none", .reason = "excluded_by_goal", .wanted = 0, .told = 0});
  opportunity(d, {.state = "taken", .reason = "", .wanted = fifth(a), .told = fifth(a)});
}

/// The amount is edited after both platforms' values were taken: raised at once, lowered after the time to settle.
void Company::edit(bool up) {
  ++census_[up ? "edit_up" : "edit_down"];
  const std::size_t b = buyer();
  const double t = up ? 55 + pick(0, 5) : lowering_day();
  click(b, t - 40 + pick(0, 5));
  form(b, t - 34);
  lifecycle(b, t - 32, "sql");
  const std::int64_t a = amount();
  const std::int64_t later = up ? a + amount() : a / 2 / 10'000 * 10'000;
  const std::size_t d = deal(b, t - 30, a);
  stage(d, t - 25, "proposal");
  stage(d, t - 10 + pick(0, 5), "won");
  set_amount(d, t, decimal(later, 2));
  qualified(b, "taken", "", true);
  won(d, {.state = "taken", .reason = "", .wanted = later, .told = later});
  opportunity(d, {.state = "taken", .reason = "", .wanted = fifth(later), .told = fifth(later)});
}

/// A slip of the hand: reopened, and back within `settle`. Nothing is retracted.
void Company::reopened_by_mistake() {
  ++census_["reopen"];
  const std::size_t b = buyer();
  click(b, 12);
  form(b, 13);
  const std::int64_t a = amount();
  const std::size_t d = deal(b, 15, a);
  stage(d, 35, "won");
  const double slip = 45 + pick(0, 10);
  stage(d, slip, "negotiation");
  stage(d, slip + 1.5, "won");
  won(d, {.state = "taken", .reason = "", .wanted = a, .told = a});
}

void Company::lost_after_win() {
  ++census_["lost_after_win"];
  const std::size_t b = buyer();
  const double t = lowering_day();
  click(b, t - 37);
  form(b, t - 36);
  const std::int64_t a = amount();
  const std::size_t d = deal(b, t - 30, a);
  stage(d, t - 25, "proposal");
  stage(d, t - 10, "won");
  stage(d, t, "lost");
  won(d, {.state = "none", .reason = "not_wanted", .wanted = 0, .told = 0});
  opportunity(d, {.state = "taken", .reason = "", .wanted = fifth(a), .told = fifth(a)});
}

/// Zero was final: the deal won again goes on as a second occurrence.
void Company::won_again_after_final_zero() {
  ++census_["final_zero"];
  ++census_["reopen"];
  const std::size_t b = buyer();
  const double lost = lowering_day();
  click(b, lost - 37);
  form(b, lost - 36);
  const std::int64_t a = amount();
  const std::int64_t again = a + amount();
  const std::size_t d = deal(b, lost - 30, a);
  stage(d, lost - 10, "won");
  stage(d, lost, "lost");
  set_amount(d, lost + 5.9, decimal(again, 2));
  stage(d, lost + 6, "won");
  won(d, {.state = "none", .reason = "not_wanted", .wanted = 0, .told = 0});
  // At the account that was never told, the one occurrence stands under its own reason.
  expected_.back().row.reason = "excluded_by_goal";
  auto id = [this, d] { return deals_[d].id; };
  expect("ads_won", "won", "deal", id, 2, "taken", "", "EUR", again, again);
  expect("ads_won_us", "won", "deal", id, 2, "none", "not_wanted", "EUR", 0, 0);
}

void Company::deleted_after_win() {
  ++census_["delete"];
  const std::size_t b = buyer();
  const double t = lowering_day();
  click(b, t - 37);
  form(b, t - 36);
  const std::size_t d = deal(b, t - 30, amount());
  stage(d, t - 25, "proposal");
  stage(d, t - 10, "won");
  at(t, [this, d](World& w) { w.crm.archive("deals", deals_[d].id, w.now); });
  won(d, {.state = "none", .reason = "not_wanted", .wanted = 0, .told = 0});
  opportunity(d, {.state = "none", .reason = "not_wanted", .wanted = 0, .told = 0});
}

/// Only the loser was told: the survivor goes on under the loser's key.
void Company::contact_merge_loser_told() {
  ++census_["contact_merge"];
  const std::size_t loser = buyer();
  const std::size_t winner = buyer();
  click(loser, 5);
  form(loser, 6);
  form(winner, 6.5);
  lifecycle(loser, 10, "sql");
  at(40, [=, this](World& w) {
    w.crm.merge("contacts", buyers_[loser].contact, buyers_[winner].contact, w.now);
    // The vendor keeps the lifecycle stage that is furthest down.
    w.crm.set("contacts", buyers_[winner].contact, "lifecycle", "sql", w.now, "MERGE_OBJECTS");
  });
  for (const char* destination : {"ads_qualified", "ads_qualified_us"}) {
    const bool told = std::string(destination) == "ads_qualified";
    expect(
        destination, "qualified", "contact", [=, this] { return buyers_[winner].contact; }, 1, told ? "taken" : "none",
        told ? "" : "excluded_by_goal", "EUR", told ? 100'000'000 : 0, told ? 100'000'000 : 0);
    expected_.back().lineage_id = [=, this] { return buyers_[loser].contact; };
    expect(
        destination, "qualified", "contact", [=, this] { return buyers_[loser].contact; }, 2, "none",
        told ? "merged" : "excluded_by_goal", "EUR", 0, 0);
  }
}

/// Both were told: the loser's is restated to zero.
void Company::contact_merge_both_told() {
  ++census_["contact_merge"];
  const std::size_t loser = buyer();
  const std::size_t winner = buyer();
  const double t = lowering_day();
  for (std::size_t b : {loser, winner}) {
    click(b, t - 30 + pick(0, 1));
    form(b, t - 28);
    lifecycle(b, t - 20 + pick(0, 2), "sql");
  }
  at(t, [=, this](World& w) { w.crm.merge("contacts", buyers_[loser].contact, buyers_[winner].contact, w.now); });
  qualified(winner, "taken", "", true);
  qualified(loser, "none", "merged", false);
}

/// Merged by mistake and taken apart again before anything was told.
void Company::unmerge() {
  ++census_["unmerge"];
  const std::size_t first = buyer();
  const std::size_t second = buyer();
  path_dependent_.insert({first, second});
  click(first, 20);
  form(first, 21);
  form(second, 22);
  at(25, [=, this](World& w) { w.crm.merge("contacts", buyers_[second].contact, buyers_[first].contact, w.now); });
  at(29, [=, this](World& w) { w.crm.unmerge("contacts", buyers_[second].contact, w.now); });
  lifecycle(first, 33, "sql");
  lifecycle(second, 34, "sql");
  qualified(first, "taken", "", true);
  qualified(second, "missing", "rejected", false);
}

/// A tablet at a trade fair: twelve people behind one client id, whose ad click is nobody's.
void Company::shared_device() {
  ++census_["shared_mailbox"];
  const std::size_t owner = buyer();
  click(owner, 14);
  const std::string tablet = buyers_[owner].client_id;
  path_dependent_.insert(owner);
  for (int i = 0; i < 12; ++i) {
    const std::size_t b = buyer();
    buyers_[b].client_id = tablet;
    path_dependent_.insert(b);
    form(b, 15 + 0.01 * i);
    if (i >= 3) continue;
    lifecycle(b, 20 + i, "sql");
    qualified(b, "missing", "rejected", false);
  }
}

/// Refused for want of a click; the click id turns up on the record later.
void Company::late_click() {
  ++census_["late_click"];
  const std::size_t b = buyer();
  Buyer& who = buyers_[b];
  click(b, 18);
  const std::string id = who.click;
  who.click.clear();
  // The platform does not know who clicked, and the form was filled in on another device.
  at(18.01, [id](World& w) {
    for (AdClick& c : w.ads.clicks)
      if (c.value == id) c.visitor_email.clear();
  });
  const std::string phone_device = who.client_id;
  at(18.5, [=, this](World&) { buyers_[b].client_id = phone_device + "1"; });
  form(b, 19);
  lifecycle(b, 24, "sql");
  at(40, [=, this](World& w) { w.crm.set("contacts", buyers_[b].contact, "gclid", id, w.now); });
  qualified(b, "taken", "", true);
}

/// A better click is found when the conversion was taken already: it makes no work.
void Company::late_click_after_upload() {
  ++census_["late_click"];
  const std::size_t b = buyer();
  click(b, 22);
  form(b, 23);
  lifecycle(b, 26, "sql");
  const std::string first = buyers_[b].click;
  click(b, 22.5);
  const std::string second = buyers_[b].click;
  buyers_[b].click = first;
  at(50, [=, this](World& w) { w.crm.set("contacts", buyers_[b].contact, "gclid", second, w.now); });
  qualified(b, "taken", "", true);
}

void Company::consent_never_given() {
  ++census_["consent_unknown"];
  const std::size_t b = buyer();
  buyers_[b].consent.clear();
  click(b, 9);
  form(b, 10);
  // In time: the click is inside its window at the end of the world no more, but consent comes first.
  lifecycle(b, 12, "sql");
  qualified(b, "missing", "consent", false);
}

void Company::consent_given_late() {
  ++census_["consent_given_late"];
  const std::size_t b = buyer();
  buyers_[b].consent.clear();
  click(b, 9);
  form(b, 10);
  lifecycle(b, 12, "sql");
  at(30, [=, this](World& w) { w.crm.set("contacts", buyers_[b].contact, "consent_ads", "granted", w.now); });
  qualified(b, "taken", "", true);
}

/// Withdrawn after the deal was told: a later, lower amount can no longer be corrected.
void Company::consent_withdrawn() {
  ++census_["consent_withdrawn"];
  const std::size_t b = buyer();
  const double t = lowering_day();
  click(b, t - 37);
  form(b, t - 36);
  const std::int64_t a = amount();
  const std::int64_t lower = a / 3 / 10'000 * 10'000;
  const std::size_t d = deal(b, t - 30, a);
  stage(d, t - 10, "won");
  at(t - 2, [=, this](World& w) { w.crm.set("contacts", buyers_[b].contact, "consent_ads", "denied", w.now); });
  set_amount(d, t, decimal(lower, 2));
  won(d, {.state = "excess", .reason = "consent", .wanted = lower, .told = a});
}

/// An imported contact without e-mail and click.
void Company::no_identifier(bool early) {
  ++census_["no_identifier"];
  const std::size_t b = buyer();
  buyers_[b].email.clear();
  buyers_[b].client_id.clear();
  const double t = early ? 10 : 120;
  form(b, t);
  lifecycle(b, t + 5, "sql");
  qualified(b, "missing", early ? "expired" : "no_identifier", false);
}

/// A deal that takes longer than the click's window.
void Company::expired() {
  ++census_["expired"];
  const std::size_t b = buyer();
  click(b, 3);
  form(b, 4);
  lifecycle(b, 8, "sql");
  const std::int64_t a = amount();
  const std::size_t d = deal(b, 20, a);
  stage(d, 100 + pick(0, 30), "won");
  qualified(b, "taken", "", true);
  won(d, {.state = "missing", .reason = "expired", .wanted = a, .told = 0});
}

/// The same, but the buyer clicked again in between.
void Company::later_click_in_window() {
  ++census_["later_click"];
  const std::size_t b = buyer();
  click(b, 3);
  form(b, 4);
  const std::int64_t a = amount();
  const std::size_t d = deal(b, 20, a);
  const std::string first = buyers_[b].click;
  click(b, 70);
  buyers_[b].click = first;
  stage(d, 105, "won");
  won(d, {.state = "taken", .reason = "", .wanted = a, .told = a});
}

/// Came by organic search: the platform finds no click of theirs.
void Company::unattributed() {
  ++census_["unattributed"];
  const std::size_t b = buyer();
  const double t = pick(5, 90);
  visit(b, t, "google", "organic", "", false);
  form(b, t + 0.1);
  lifecycle(b, t + 4, "sql");
  qualified(b, "missing", "rejected", false);
}

void Company::test_record() {
  ++census_["test_record"];
  const std::size_t b = buyer();
  click(b, 4);
  form(b, 5);
  const std::size_t d = deal(b, 6, amount(), "EUR", "test");
  stage(d, 10, "proposal");
  stage(d, 20, "won");
  won(d, {.state = "none", .reason = "excluded_by_goal", .wanted = 0, .told = 0});
  opportunity(d, {.state = "none", .reason = "excluded_by_goal", .wanted = 0, .told = 0});
}

void Company::no_amount(bool zero) {
  ++census_[zero ? "zero_amount" : "no_amount"];
  const std::size_t b = buyer();
  click(b, 4);
  form(b, 5);
  const std::size_t d = deal(b, 6, zero ? 0 : -1);
  stage(d, 20, "won");
  won(d, {.state = "none", .reason = zero ? "not_positive" : "no_value", .wanted = 0, .told = 0});
}

/// Qualified two hours after the click: the platform does not know so young a click yet.
void Company::recent_click() {
  ++census_["too_recent"];
  const std::size_t b = buyer();
  const double t = pick(20, 60);
  click(b, t);
  form(b, t + 0.04);
  lifecycle(b, t + 0.08, "sql");
  qualified(b, "taken", "", true);
}

void Company::two_deals_one_person() {
  ++census_["two_deals_one_click"];
  const std::size_t b = buyer();
  click(b, 15);
  form(b, 16);
  for (int i = 0; i < 2; ++i) {
    const std::int64_t a = amount();
    const std::size_t d = deal(b, 20 + i, a, "EUR", i == 0 ? "new" : "renewal");
    // Both on one day and hour: an import of signatures.
    stage(d, 50, "won");
    won(d, {.state = "taken", .reason = "", .wanted = a, .told = a});
  }
}

/// What was reached before Headwater went live is counted and not sent.
void Company::before_go_live() {
  ++census_["before_go_live"];
  const std::size_t b = buyer();
  click(b, -60);
  form(b, -59);
  lifecycle(b, -55, "sql");
  const std::size_t d = deal(b, -50, amount());
  stage(d, -pick(5, 20), "won");
  qualified(b, "none", "before_go_live", false);
  won(d, {.state = "none", .reason = "before_go_live", .wanted = 0, .told = 0});
}

void Company::deal_merge() {
  ++census_["deal_merge"];
  const std::size_t b = buyer();
  const double t = lowering_day();
  click(b, t - 37);
  form(b, t - 36);
  const std::int64_t kept = amount();
  const std::size_t winner = deal(b, t - 30, kept);
  const std::size_t loser = deal(b, t - 29, amount());
  stage(winner, t - 10, "won");
  stage(loser, t - 8, "won");
  at(t, [=, this](World& w) { w.crm.merge("deals", deals_[loser].id, deals_[winner].id, w.now); });
  won(winner, {.state = "taken", .reason = "", .wanted = kept, .told = kept});
  won(loser, {.state = "none", .reason = "merged", .wanted = 0, .told = 0});
}

/// Back from proposal to qualified: the opportunity was reached all the same.
void Company::regressed() {
  ++census_["regressed"];
  const std::size_t b = buyer();
  click(b, 10);
  form(b, 11);
  const std::int64_t a = amount();
  const std::size_t d = deal(b, 12, a);
  stage(d, 20, "proposal");
  stage(d, 30, "qualified");
  opportunity(d, {.state = "taken", .reason = "", .wanted = fifth(a), .told = fifth(a)});
}

/// A salesperson knows better where the lead came from, before Headwater writes: the whole first touch stays theirs.
void Company::source_typed_first() {
  ++census_["source_typed"];
  const std::size_t b = buyer();
  click(b, 24);
  form(b, 24.5);
  at(24.51, [=, this](World& w) {
    w.crm.type_in("contacts", buyers_[b].contact, "hw_first_source",
                  {.value = "trade fair", .by = "sales@b2b.example.com"}, w.now);
  });
  typed_[b] = {{"hw_first_source", "trade fair"},
               {"hw_first_channel", ""},
               {"hw_first_medium", ""},
               {"hw_first_campaign", ""},
               {"hw_first_at", ""}};
}

/// Typed over what Headwater wrote: a later visit changes nothing of the last touch any more.
void Company::source_typed_later() {
  ++census_["source_typed"];
  const std::size_t b = buyer();
  click(b, 26);
  form(b, 26.5);
  at(32, [=, this](World& w) {
    w.crm.type_in("contacts", buyers_[b].contact, "hw_last_source",
                  {.value = "phone call", .by = "sales@b2b.example.com"}, w.now);
  });
  visit(b, 40, "newsletter", "email", "spring", false);
  typed_[b] = {{"hw_last_source", "phone call"}, {"hw_last_medium", "cpc"}, {"hw_last_at", rfc3339(day(26))}};
}

}  // namespace hw::sandbox
