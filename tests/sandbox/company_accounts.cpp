// Stories of accounts: buying groups, several deals, renewals. And the list of all stories.
#include "sandbox/company.h"

namespace hw::sandbox {

/// One to nine people: who clicked the ad leads, the others come by whatever way.
void Company::buying_group(double t) {
  const std::size_t leader = buyer();
  wander(leader, t, t + 1);
  click(leader, t + 1);
  form(leader, t + 1.5);
  lifecycle(leader, t + 5, "sql");
  const std::int64_t a = amount();
  const std::size_t d = deal(leader, t + 8, a);
  for (std::size_t n = choose(9), i = 0; i < n; ++i) {
    const std::size_t b = colleague(leader);
    const double joins = t + 9 + static_cast<double>(i);
    visit(b, joins - 2, way_of("google", "organic"));
    wander(b, joins - 1, joins);
    form(b, joins);
    join(d, b, joins + 0.2);
    if (i > 0) continue;
    lifecycle(b, joins + 3, "sql");
    qualified(b, missing("rejected", kLead), taken(kLead));
  }
  stage(d, t + 22, "proposal");
  stage(d, t + 40, "won");
  qualified(leader);
  won(d, taken(a));
  opportunity(d, taken(fifth(a)));
}

/// The primary contact came without an ad; a colleague's earlier click is the deal's.
void Company::led_by_another(double t) {
  const std::size_t champion = buyer();
  const std::size_t head = colleague(champion);
  click(champion, t);
  form(champion, t + 0.5);
  visit(head, t + 1, way_of("", ""));
  form(head, t + 1.5);
  const std::int64_t a = amount();
  const std::size_t d = deal(head, t + 5, a);
  join(d, champion, t + 5.01);
  stage(d, t + 30, "won");
  won(d, taken(a));
}

/// Three departments of one account buy for themselves.
void Company::several_deals(double t) {
  std::size_t b = buyer();
  for (int i = 0; i < 3; ++i) {
    const double from = t + 12 * i;
    click(b, from);
    form(b, from + 0.5);
    const std::int64_t a = amount();
    const std::size_t d = deal(b, from + 3, a);
    stage(d, from + 25, "won");
    won(d, taken(a));
    b = colleague(b);
  }
}

void Company::two_deals_one_person(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 1);
  for (int i = 0; i < 2; ++i) {
    const std::int64_t a = amount();
    const std::size_t d = deal(b, t + 5 + i, a, "EUR", i == 0 ? "new" : "renewal");
    // Both on one day and hour: an import of signatures.
    stage(d, t + 35, "won");
    won(d, taken(a));
  }
}

/// A year later the click has long left the ad platform's window; analytics still knows the visitor.
void Company::renewal(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 1);
  const std::int64_t a = amount();
  const std::size_t first = deal(b, t + 5, a);
  stage(first, t + 30, "won");
  won(first, taken(a));
  const std::int64_t more = a + amount() / 10 / 10'000 * 10'000;
  const std::size_t second = deal(b, t + 350, more, "EUR", "renewal");
  stage(second, t + 380, "won");
  won(second, missing("expired", more), taken(more));
}

const std::vector<Company::Story>& Company::all_stories() {
  static const std::vector<Story> all{
      {&Company::plain, 36, 66, true},
      {&Company::plain_us, 10, 66, true},
      {&Company::in_francs, 4, 31},
      {&Company::edit_up, 5, 40, true},
      {&Company::edit_down, 5, 42, true},
      {&Company::reopened_by_mistake, 4, 42},
      {&Company::lost, 16, 61, true},
      {&Company::lost_after_win, 4, 41, true},
      {&Company::won_again_after_final_zero, 3, 44},
      {&Company::deleted_after_win, 3, 41},
      {&Company::deal_merge, 3, 41},
      {&Company::regressed, 4, 21},
      {&Company::skipped_stages, 6, 15, true},
      {&Company::close_date_moved, 3, 51},
      {&Company::test_record, 3, 17},
      {&Company::no_amount, 2, 17},
      {&Company::zero_amount, 2, 17},
      {&Company::expired, 6, 129},
      {&Company::later_click_in_window, 3, 103},
      {&Company::before_go_live, 5, 0},
      {&Company::buying_group, 10, 41, true},
      {&Company::led_by_another, 4, 31},
      {&Company::several_deals, 4, 50},
      {&Company::two_deals_one_person, 3, 36},
      {&Company::renewal, 6, 381},
      {&Company::late_click, 4, 26},
      {&Company::late_click_after_upload, 3, 29},
      {&Company::matched_by_email, 4, 8, true},
      {&Company::consent_never_given, 4, 5},
      {&Company::consent_given_late, 3, 24},
      {&Company::consent_withdrawn, 4, 42},
      {&Company::no_identifier_early, 3, 92},
      {&Company::no_identifier_late, 2, 0},
      {&Company::unattributed, 20, 6, true},
      {&Company::recent_click, 3, 3},
      {&Company::contact_merge_loser_told, 3, 36},
      {&Company::contact_merge_both_told, 3, 34},
      {&Company::unmerge, 2, 16},
      {&Company::shared_device, 2, 10},
      {&Company::shared_mailbox, 3, 7},
      {&Company::several_devices, 6, 12, true},
      {&Company::imported, 8, 6},
      {&Company::native_form, 8, 5, true},
      {&Company::source_typed_first, 3, 2},
      {&Company::source_typed_later, 3, 16},
      {&Company::matched_by_phone, 4, 8, true},
  };
  return all;
}

}  // namespace hw::sandbox
