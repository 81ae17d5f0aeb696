// Stories of people: which click, which consent, which devices, who is who.
#include "sandbox/company.h"

namespace hw::sandbox {
namespace {

/// "030 23125-007" as the platform knows it.
std::string in_e164(const std::string& berlin) {
  std::string digits;
  for (const char c : berlin)
    if (c >= '0' && c <= '9') digits += c;
  return "+49" + digits.substr(1);
}

}  // namespace

/// Refused for want of a click; the click id turns up on the record later.
void Company::late_click(double t) {
  const std::size_t b = buyer();
  click(b, t);
  const std::string id = buyers_[b].click;
  buyers_[b].click.clear();
  // The platform does not know who clicked, and the form was filled in on another device.
  unclaimed(id, t + 0.01);
  at(t + 0.5, [=, this](World&) { buyers_[b].client_id += "1"; });
  form(b, t + 1);
  lifecycle(b, t + 6, "sql");
  set_contact(b, t + 22, "gclid", id);
  qualified(b);
}

/// A better click is found when the conversion was taken already: it makes no work.
void Company::late_click_after_upload(double t) {
  const std::size_t b = buyer();
  click(b, t);
  const std::string first = buyers_[b].click;
  click(b, t + 0.5);
  const std::string second = buyers_[b].click;
  buyers_[b].click = first;
  form(b, t + 1);
  lifecycle(b, t + 4, "sql");
  set_contact(b, t + 28, "gclid", second);
  qualified(b);
}

/// Clicked at home and filled in the form at work: the platform knows the e-mail address of who clicked, or a private
/// one and the phone.
void Company::matched(double t, bool by_phone) {
  const std::size_t b = buyer();
  click(b, t);
  if (by_phone)
    known_as(buyers_[b].click, t, "private" + std::to_string(b) + "@home.example.com", in_e164(buyers_[b].phone));
  buyers_[b].click.clear();
  at(t + 0.5, [=, this](World&) { buyers_[b].client_id += "1"; });
  form(b, t + 1);
  lifecycle(b, t + 6, "sql");
  qualified(b);
}

void Company::matched_by_email(double t) { matched(t, false); }
void Company::matched_by_phone(double t) { matched(t, true); }

/// The ad platform must be told of consent; analytics takes an event without.
void Company::consent_never_given(double t) {
  const std::size_t b = buyer();
  buyers_[b].consent.clear();
  click(b, t);
  form(b, t + 1);
  lifecycle(b, t + 3, "sql");
  qualified(b, missing("consent", kLead), taken(kLead));
}

void Company::consent_given_late(double t) {
  const std::size_t b = buyer();
  buyers_[b].consent.clear();
  click(b, t);
  form(b, t + 1);
  lifecycle(b, t + 3, "sql");
  set_contact(b, t + 21, "consent_ads", "granted");
  qualified(b);
}

/// Withdrawn after the deal was told: a later, lower amount can no longer be corrected.
void Company::consent_withdrawn(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 1);
  const std::int64_t a = amount();
  const std::int64_t lower = a / 3 / 10'000 * 10'000;
  const std::size_t d = deal(b, t + 7, a);
  stage(d, t + 27, "won");
  set_contact(b, t + 35, "consent_ads", "denied");
  set_amount(d, t + 37, lower);
  won(d, excess("consent", lower, a));
}

/// Entered by hand, without e-mail, click and browser.
void Company::no_identifier(double t, const char* reason) {
  const std::size_t b = buyer();
  buyers_[b].email.clear();
  buyers_[b].phone.clear();
  buyers_[b].client_id.clear();
  form(b, t);
  lifecycle(b, t + 5, "sql");
  // Analytics takes nothing that is older than three days.
  qualified(b, missing(reason, kLead), missing("expired", kLead));
}

void Company::no_identifier_early(double t) { no_identifier(t, "expired"); }

/// So late that the window of the ad platform is open when the world ends.
void Company::no_identifier_late(double) { no_identifier(pick(kDays - 45, kDays - 20), "no_identifier"); }

/// Came by something else than an ad: the ad platform finds no click of theirs.
void Company::unattributed(double t) {
  const std::size_t b = buyer();
  const Way* way = &any_way();
  while (std::string(way->medium) == "cpc") way = &any_way();
  visit(b, t, *way);
  wander(b, t + 0.2, t + 4);
  form(b, t + 0.1);
  lifecycle(b, t + 4, "sql");
  qualified(b, missing("rejected", kLead), taken(kLead));
}

/// Qualified two hours after the click: the platform does not know so young a click yet.
void Company::recent_click(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 0.04);
  lifecycle(b, t + 0.08, "sql");
  qualified(b);
}

/// Only the loser was told: the survivor goes on under the loser's key.
void Company::contact_merge_loser_told(double t) {
  const std::size_t loser = buyer();
  const std::size_t winner = colleague(loser);
  click(loser, t);
  form(loser, t + 1);
  form(winner, t + 1.5);
  lifecycle(loser, t + 5, "sql");
  merge_contacts(loser, winner, t + 35);
  at(t + 35, [=, this](World& w) {
    // The vendor keeps the lifecycle stage that is furthest down.
    w.crm.set("contacts", buyers_[winner].contact, "lifecycle", "sql", w.now, "MERGE_OBJECTS");
  });
  auto id_of = [this](std::size_t b) { return [this, b] { return buyers_[b].contact; }; };
  for (const char* destination : {"ads_qualified", "ads_qualified_us", "ga4_qualified"}) {
    const bool told = std::string(destination) != "ads_qualified_us";
    expect(destination, "qualified", "contact", id_of(winner), 1, "EUR",
           told ? taken(kLead) : nothing("excluded_by_goal"));
    expected_.back().lineage_id = id_of(loser);
    expect(destination, "qualified", "contact", id_of(loser), 2, "EUR", nothing(told ? "merged" : "excluded_by_goal"));
  }
}

/// Both were told: the loser's is restated to zero, which analytics cannot do to a lead.
void Company::contact_merge_both_told(double t) {
  const std::size_t loser = buyer();
  const std::size_t winner = colleague(loser);
  for (std::size_t b : {loser, winner}) {
    click(b, t + pick(0, 1));
    form(b, t + 2);
    lifecycle(b, t + 10 + pick(0, 2), "sql");
  }
  merge_contacts(loser, winner, t + 30);
  qualified(winner);
  qualified(loser, nothing("merged"), excess("uncorrectable", 0, kLead));
}

/// Merged by mistake and taken apart again before anything was told.
void Company::unmerge(double t) {
  const std::size_t first = buyer();
  const std::size_t second = buyer();
  path_dependent_.insert({first, second});
  click(first, t);
  form(first, t + 1);
  form(second, t + 2);
  merge_contacts(second, first, t + 5);
  at(t + 9, [=, this](World& w) { w.crm.unmerge("contacts", buyers_[second].contact, w.now); });
  lifecycle(first, t + 13, "sql");
  lifecycle(second, t + 14, "sql");
  qualified(first);
  qualified(second, missing("rejected", kLead), taken(kLead));
}

/// A tablet at a trade fair: twelve people behind one client id, whose ad click is nobody's. Analytics is told of the
/// browser that each of their forms names, and makes no claim of a click.
void Company::shared_device(double t) {
  const std::size_t owner = buyer();
  click(owner, t);
  const std::string tablet = buyers_[owner].client_id;
  path_dependent_.insert(owner);
  for (int i = 0; i < 12; ++i) {
    const std::size_t b = buyer();
    buyers_[b].client_id = tablet;
    path_dependent_.insert(b);
    form(b, t + 1 + 0.01 * i);
    if (i >= 3) continue;
    lifecycle(b, t + 6 + i, "sql");
    qualified(b, missing("rejected", kLead), taken(kLead));
  }
}

/// Three colleagues subscribe under the mailbox of the department, which a list import brought in as a contact: nobody
/// becomes anybody else.
void Company::shared_mailbox(double t) {
  const std::size_t mailbox = buyer();
  buyers_[mailbox].email = "info@company" + std::to_string(buyers_[mailbox].company) + ".example.com";
  buyers_[mailbox].client_id.clear();
  at(t, [=, this](World& w) { enter(mailbox, w, {}); });
  for (int i = 1; i <= 3; ++i) {
    const std::size_t b = colleague(mailbox);
    visit(b, t + i, way_of("google", "organic"));
    at(t + i + 0.2, [=, this](World& w) {
      TouchRow row = row_of(w, b, way_of("newsletter", "email"));
      row.email = buyers_[mailbox].email;
      note(w, std::move(row));
    });
    form(b, t + i + 0.5);
    if (i == 1) lifecycle(b, t + 5, "sql");
    if (i == 1) qualified(b, missing("rejected", kLead), taken(kLead));
  }
}

/// A laptop that clicked, and a phone that is known by a newsletter's link.
void Company::several_devices(double t) {
  const std::size_t b = buyer();
  const std::string phone = buyers_[b].client_id + "7";
  auto on_phone = [&](double days, const Way& way, bool known) {
    at(days, [=, &way, this](World& w) {
      TouchRow row = row_of(w, b, way);
      row.client_id = phone;
      if (known) row.email = buyers_[b].email;
      note(w, std::move(row));
    });
  };
  on_phone(t, way_of("linkedin", "social"), false);
  click(b, t + 2);
  form(b, t + 2.5);
  on_phone(t + 5, way_of("newsletter", "email"), true);
  on_phone(t + 8, way_of("google", "organic"), false);
  lifecycle(b, t + 10, "sql");
  qualified(b);
}

/// A list of a trade fair: e-mail addresses and nothing else.
void Company::imported(double t) {
  const std::size_t b = buyer();
  at(t, [=, this](World& w) { enter(b, w, {}); });
  lifecycle(b, t + 4, "sql");
  qualified(b, missing("rejected", kLead), missing("expired", kLead));
}

/// A form inside a social network: no visit, but the CRM knows the campaign.
void Company::native_form(double t) {
  const std::size_t b = buyer();
  const auto paid = campaigns_of(way_of("linkedin", "paid_social"));
  const std::string campaign = paid[choose(paid.size())]->name;
  native_[b] = campaign;
  at(t, [=, this](World& w) {
    enter(b, w,
          {{"utm_source", "linkedin"},
           {"utm_medium", "paid_social"},
           {"utm_campaign", campaign},
           {"hs_linkedin_click_id", "li-" + std::to_string(100000 + b)}});
  });
  lifecycle(b, t + 3, "sql");
  qualified(b, missing("rejected", kLead), missing("expired", kLead));
}

/// A salesperson knows better where the lead came from, and enters it with the lead: the whole first touch stays
/// theirs.
void Company::source_typed_first(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 0.5);
  at(t + 0.5, [=, this](World& w) {
    w.crm.type_in("contacts", buyers_[b].contact, "hw_first_source",
                  {.value = "trade fair", .by = "sales@b2b.example.com"}, w.now);
  });
  typed_[b] = {.field = "hw_first_source", .value = "trade fair", .after = {}};
}

/// Typed over what Headwater wrote: a later visit changes nothing of the last touch any more.
void Company::source_typed_later(double t) {
  const std::size_t b = buyer();
  click(b, t);
  form(b, t + 0.5);
  at(t + 6, [=, this](World& w) {
    w.crm.type_in("contacts", buyers_[b].contact, "hw_last_source",
                  {.value = "phone call", .by = "sales@b2b.example.com"}, w.now);
  });
  visit(b, t + 14, way_of("newsletter", "email"));
  typed_[b] = {.field = "hw_last_source", .value = "phone call", .after = day(t + 6)};
}

}  // namespace hw::sandbox
