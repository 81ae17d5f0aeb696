#include "delivery/messy_kit.h"

#include <algorithm>
#include <bit>

#include "base/text.h"

namespace hw::delivery::messy {
namespace {

using conformance::BookRules;
using connect::Contract;
using connect::Receipt;
using connect::ZeroRule;
namespace rows_of = store::ledger_rows;

constexpr Duration kAdjustable = kDay * 55;

/// Ninety days of clicks and nothing else.
Contract uploading() {
  Contract c = conformance::generous();
  c.operations = {Operation::upload};
  c.restate_up = c.restate_down = false;
  c.zero = ZeroRule::refused;
  c.dedup = {};
  c.resend_is_harmless = false;
  return c;
}

Contract restating(ZeroRule zero, Receipt receipt) {
  Contract c = uploading();
  c.operations.insert(Operation::restate);
  c.restate_up = c.restate_down = true;
  c.zero = zero;
  c.receipt = receipt;
  c.dedup = {.exists = true, .known = true, .window = std::nullopt};
  c.resend_is_harmless = true;
  return c;
}

Contract retracting(ZeroRule zero, Receipt receipt) {
  Contract c = restating(zero, receipt);
  c.operations.insert(Operation::retract);
  return c;
}

Contract of_browsers() {
  Contract c = uploading();
  c.click_types.clear();
  c.hash_forms.clear();
  c.client_types = {"ga_client_id"};
  c.conversion_window = kDay * 3;
  c.receipt = Receipt::none;
  return c;
}

Platform plain_one() { return {plain, "Plain", uploading(), {}}; }

Platform overwriting_one() {
  Contract c = restating(ZeroRule::refused, Receipt::count);
  c.dedup.repeat_overwrites = true;
  return {overwriting, "Overwriting", c, {.repeat = BookRules::Repeat::overwrites, .restates = true}};
}

BookRules final_rules() {
  return {.repeat = BookRules::Repeat::is_ignored,
          .restates = true,
          .retracts = true,
          .takes_zero = true,
          .zero_is_final = true,
          .adjusts_for = kAdjustable};
}

Platform final_one() {
  Contract c = retracting(ZeroRule::final_retraction, Receipt::row);
  c.adjust_until = kAdjustable;
  return {final_zero, "FinalZero", c, final_rules()};
}

Platform zero_refused_one() {
  return {zero_refused,
          "ZeroRefused",
          restating(ZeroRule::refused, Receipt::request),
          {.repeat = BookRules::Repeat::is_ignored, .restates = true}};
}

Platform two_days_one() {
  Contract c = uploading();
  c.dedup = {.exists = true, .known = true, .window = kHour * 48};
  c.conversion_window = kDay * 7;
  return {two_days,
          "TwoDays",
          c,
          {.repeat = BookRules::Repeat::is_ignored, .remembers = kHour * 48, .takes_for = kDay * 7}};
}

Platform no_receipt_one() {
  return {no_receipt, "NoReceipt", of_browsers(), {.takes_for = kDay * 3, .one_a_second = false}};
}

Platform refunding_one() {
  Contract c = of_browsers();
  c.operations.insert(Operation::retract);
  c.zero = ZeroRule::final_retraction;
  c.dedup = {.exists = true, .known = true, .window = std::nullopt, .of_uploads_alone = true};
  return {refunding,
          "Refunding",
          c,
          {.repeat = BookRules::Repeat::is_ignored,
           .retracts = true,
           .retraction_counts_each_time = true,
           .takes_for = kDay * 3,
           .one_a_second = false}};
}

Platform by_counts_one() {
  return {by_counts,
          "ByCounts",
          retracting(ZeroRule::ordinary, Receipt::count),
          {.repeat = BookRules::Repeat::is_ignored, .restates = true, .retracts = true, .takes_zero = true}};
}

Platform once_per_click_one() {
  Platform p = final_one();
  p.kind = once_per_click;
  p.name = "OncePerClick";
  p.contract.counting = connect::Counting::once_per_click;
  p.rules.counts_click_once = true;
  return p;
}

Platform zeroing_one() {
  Contract c = restating(ZeroRule::final_retraction, Receipt::count);
  c.dedup.repeat_overwrites = true;
  c.adjust_until = kAdjustable;
  BookRules rules = final_rules();
  rules.repeat = BookRules::Repeat::overwrites;
  rules.retracts = false;
  return {zeroing, "Zeroing", c, rules};
}

std::string text_of(const store::Standing& s) {
  std::string out = s.state + (s.reason.empty() ? " " : " " + s.reason + " ") +
                    conformance::money_text(s.t_micros, s.t_currency) + "/";
  if (s.state != "uncertain" && s.state != "unlocated") return out + conformance::money_text(s.b_micros, s.b_currency);
  return out + conformance::money_text(s.b_low, s.range_currency) + ".." +
         conformance::money_text(s.b_high, s.range_currency);
}

}  // namespace

const std::vector<Platform>& platforms() {
  static const std::vector<Platform> all{plain_one(),          overwriting_one(), final_one(),     zero_refused_one(),
                                         two_days_one(),       no_receipt_one(),  refunding_one(), by_counts_one(),
                                         once_per_click_one(), zeroing_one()};
  return all;
}

Story::Story(const Platform& p, std::uint64_t seed) : Loop(p.contract, seed), platform(p) {
  settings.destinations[0].batch = p.kind == by_counts ? 100 : 1;
  start();
}

void Story::person(const std::string& id, const std::string& click) {
  contact(id, click);
  clock.advance(std::chrono::seconds(1));
  RecordState r = shown(Object::contact, id);
  r.identifiers.push_back({"ga_client_id", "browser-" + id});
  r.modified = clock.system_now();
  show(r);
}

void Story::of(const std::string& deal_id, const std::string& contact_id, const std::string& stage,
               const std::string& amount) {
  deal(deal_id, contact_id, stage, amount);
  deals_.push_back(deal_id);
}

void Story::won(const std::string& deal_id, const std::string& amount) {
  person("C" + deal_id, "click-" + deal_id);
  of(deal_id, "C" + deal_id, "won", amount);
}

void Story::add_early_goal() {
  settings.goals.push_back(conformance::goal("qualified", "qualified"));
  settings.destinations.push_back(conformance::destination("early", "qualified", "ads_connector"));
  settings.destinations.back().action = "8";
  start();
}

std::string Story::says() {
  std::string out;
  for (const std::string& id : deals_) {
    for (const auto& c : conversions(id)) {
      for (const auto& s : read([&](store::Tx& tx) { return rows_of::standings(tx, c.id); })) {
        out += (out.empty() ? "" : "; ") + (deals_.size() > 1 ? id + " " : std::string());
        out += (s.destination == "ads" ? "" : s.destination + " ") + text_of(s);
      }
    }
  }
  return out;
}

std::size_t Story::rows() {
  std::size_t n = 0;
  for (auto& [name, connector] : connectors)
    if (connector->conversions() != nullptr) n += sink(name).log.size();
  return n;
}

std::string Story::disagreements() {
  std::string out = unbalanced(*this);
  for (auto& [name, connector] : connectors)
    if (connector->conversions() != nullptr)
      out += against_books(*this, name, conformance::Books(platform.rules, sink(name).log));
  return out;
}

void expect_ends(const Case& c) {
  unsigned seen = 0;
  for (const End& e : c.ends) {
    EXPECT_EQ(seen & e.kinds, 0U) << "a platform with two ends";
    seen |= e.kinds;
  }
  EXPECT_EQ(seen, kAll) << "a platform without end";
  for (const Platform& p : platforms()) {
    SCOPED_TRACE(p.name);
    const auto end = std::find_if(c.ends.begin(), c.ends.end(), [&](const End& e) { return (e.kinds & p.kind) != 0; });
    if (end == c.ends.end()) continue;
    Story s(p);
    c.story(s);
    s.pass(kDay * 5);
    EXPECT_EQ(s.says(), end->stands);
    EXPECT_EQ(s.rows(), end->rows);
    EXPECT_EQ(s.disagreements(), "");
  }
}

}  // namespace hw::delivery::messy
