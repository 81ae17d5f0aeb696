#pragma once
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "sandbox/marketing.h"
#include "sandbox/script.h"

namespace hw::sandbox {

/// The accounts, actions and names that the demo's configuration and the script agree on.
struct Names {
  static constexpr const char* kEu = "1112223333";
  static constexpr const char* kUs = "4445556666";
  static constexpr const char* kManager = "9990001111";
  static constexpr const char* kQualified = "700000001";
  static constexpr const char* kOpportunity = "700000002";
  static constexpr const char* kWon = "700000003";
  static constexpr const char* kQualifiedUs = "800000001";
  static constexpr const char* kWonUs = "800000003";
  static constexpr const char* kStream = "G-SANDBOX01";
};

/// A buyer as the script knows them.
struct Buyer {
  std::string given_name, family_name, email, phone, country = "DE", client_id, consent = "granted";
  std::size_t company = 0;
  std::string contact;  ///< CRM id, once they are in the CRM
  std::string click;    ///< their ad click's id, "" = none
  std::string account = Names::kEu;
};

/// "visits-0007.csv" of "visits-%04d.csv".
std::string numbered(const char* pattern, int n);

/// A file as a tool exports it at `at`: written under another name and renamed, so that nobody sees half of it.
void drop_file(const std::string& path, const std::string& text, Timestamp at);

/// How a conversion stands at a platform in the end.
struct Standing {
  std::string state, reason;
  std::int64_t wanted = 0, told = 0;
};
Standing taken(std::int64_t micros);
Standing missing(const std::string& reason, std::int64_t wanted, std::int64_t told = 0);
Standing excess(const std::string& reason, std::int64_t wanted, std::int64_t told);
Standing nothing(const std::string& reason);

/// A B2B software company over 18 months: buyers come by twelve channels and sixty campaigns, fill in forms, qualify,
/// buy in groups and again, and their deals are edited, reopened, merged and deleted. Stories are written as events at
/// times; each story states what must be believed at the end, by the rules of the design and not by Headwater's code.
class Company final : public Script {
 public:
  Company(std::uint64_t seed, std::string drop_dir);

  Timestamp start() const override { return start_; }
  Timestamp end() const override { return day(kDays); }
  /// Life goes on after the end with the stories of everyday, week by week.
  Timestamp next_event() const override;
  void advance(World& world, Timestamp now) override;
  std::vector<TruthRow> truth(const World& world) const override;
  /// How often each kind of event that every world must hold took effect, as the world's own records show it: "reopen",
  /// "edit_down", "delete", "contact_merge", "unmerge", "shared_mailbox", "late_click", "consent_withdrawn",
  /// "final_zero".
  std::map<std::string, int> census(const World& world) const;
  /// What the source fields of contacts and deals should hold: of those whose people's touches do not depend on when
  /// somebody looked.
  std::vector<FieldTruth> fields(const World& world) const;

  /// Is told in a line what happens, as it happens.
  void tell(std::function<void(Timestamp, const std::string&)> listener) { listener_ = std::move(listener); }
  /// A deal with a story: it was taken, corrected and has people behind it.
  [[nodiscard]] std::string deal_to_show() const;

 private:
  static constexpr int kDays = 547;
  using Event = std::function<void(World&)>;

  // company.cpp: the calendar and what is always there.
  Timestamp day(double days) const;
  double pick(double low, double high);
  std::size_t choose(std::size_t n);
  std::int64_t amount();  ///< in micros, with cents
  void at(double days, Event event);
  void say(const World& world, const std::string& text) const;
  void setting(World& world);
  void stories();
  void everyday(double monday);
  void drop_spend(Timestamp now);

  // company_verbs.cpp: what stories are written in. Times are days (and hours) after the start.
  std::size_t buyer(const std::string& country = "DE");
  std::size_t colleague(std::size_t of);
  std::size_t person(std::size_t company, const std::string& country);
  std::string company_name(std::size_t company) const;
  const Way& any_way();
  void wander(std::size_t b, double from, double to);  ///< a few visits by whatever channel
  void known_as(const std::string& click, double days, const std::string& email, const std::string& phone);
  void unclaimed(const std::string& click, double days);  ///< the platform does not know who clicked
  void enter(std::size_t b, World& world, std::map<std::string, std::string> more);
  void form(std::size_t b, double days);
  void lifecycle(std::size_t b, double days, const std::string& stage);
  void set_contact(std::size_t b, double days, const std::string& property, const std::string& value);
  std::size_t deal(std::size_t b, double days, std::int64_t micros, const std::string& currency = "EUR",
                   const std::string& type = "new");
  void join(std::size_t d, std::size_t b, double days);
  void stage(std::size_t d, double days, const std::string& stage);
  void set_deal(std::size_t d, double days, const std::string& property, const std::string& value);
  void set_amount(std::size_t d, double days, std::int64_t micros);
  void merge_contacts(std::size_t loser, std::size_t winner, double days);

  // company_visits.cpp: who comes to the web site, and who writes it down.
  struct TouchRow {
    Timestamp at;
    std::string client_id, gclid, email, source, medium, campaign, term, content, page, referrer;
  };
  void visit(std::size_t b, double days, const Way& way);
  void click(std::size_t b, double days);
  TouchRow row_of(const World& world, std::size_t b, const Way& way);
  TouchRow stranger(Timestamp until);
  void note(World& world, TouchRow row);  ///< a buyer's visit
  /// As the tag of the web site does: into the analytics, and into the file of the day.
  void collect(World& world, const TouchRow& row, Timestamp arrived);
  void end_of_day(World& world);

  // company_truth.cpp: what must be believed.
  void expect(const std::string& destination, const std::string& goal, const std::string& object,
              std::function<std::string()> id, std::int64_t occurrence, const std::string& currency,
              const Standing& standing);
  void qualified(std::size_t b, const Standing& ads, const Standing& analytics);
  void qualified(std::size_t b);  ///< taken everywhere
  void won(std::size_t d, const Standing& ads, const Standing& analytics);
  void won(std::size_t d, const Standing& everywhere) { won(d, everywhere, everywhere); }
  void won_again(std::size_t d, std::int64_t micros);
  void opportunity(std::size_t d, const Standing& standing);

  // company_fields.cpp: what the CRM's source fields must hold.
  using Values = std::map<std::string, std::string>;
  struct Typed;
  static void add_source_properties(World& world);
  std::vector<const TouchRow*> touches_of(const World& world, const std::string& contact) const;
  static std::vector<const TouchRow*> in_order(const std::set<const TouchRow*>& touches);
  Values contact_fields(const World& world, std::size_t b) const;
  Values deal_fields(const World& world, const std::string& deal) const;
  static void keep_typed(const Typed& typed, std::vector<const TouchRow*> touches, Values& out);

  bool is_shared_mailbox(const std::string& email) const;  ///< company_census.cpp

  // One function a story, which begins at `t`: company_people.cpp, company_deals.cpp, company_accounts.cpp.
  struct Story {
    void (Company::*tell)(double t);
    int times;
    double length;          ///< days until nothing happens any more
    bool everyday = false;  ///< goes on after the end
  };
  static const std::vector<Story>& all_stories();
  void late_click(double t);
  void late_click_after_upload(double t);
  void matched_by_email(double t);
  void matched_by_phone(double t);
  void matched(double t, bool by_phone);
  void consent_never_given(double t);
  void consent_given_late(double t);
  void consent_withdrawn(double t);
  void no_identifier_early(double t);
  void no_identifier_late(double t);
  void no_identifier(double t, const char* reason);
  void unattributed(double t);
  void recent_click(double t);
  void contact_merge_loser_told(double t);
  void contact_merge_both_told(double t);
  void unmerge(double t);
  void shared_device(double t);
  void shared_mailbox(double t);
  void several_devices(double t);
  void imported(double t);
  void native_form(double t);
  void source_typed_first(double t);
  void source_typed_later(double t);

  void plain(double t);
  void plain_us(double t);
  void plain_in(double t, const std::string& country);
  void in_francs(double t);
  void edit_up(double t);
  void edit_down(double t);
  void edit(double t, bool up);
  void reopened_by_mistake(double t);
  void lost(double t);
  void lost_after_win(double t);
  void won_again_after_final_zero(double t);
  void deleted_after_win(double t);
  void deal_merge(double t);
  void regressed(double t);
  void skipped_stages(double t);
  void close_date_moved(double t);
  void test_record(double t);
  void no_amount(double t);
  void zero_amount(double t);
  void expired(double t);
  void later_click_in_window(double t);
  void before_go_live(double t);

  void buying_group(double t);
  void led_by_another(double t);
  void several_deals(double t);
  void two_deals_one_person(double t);
  void renewal(double t);

  struct Deal {
    std::size_t buyer = 0;
    std::string id, currency;
  };
  /// A person's entry in a source field: the others of the touch stay as they were when it was made.
  struct Typed {
    std::string field, value;
    std::optional<Timestamp> after;  ///< over what was written of the touches until then; none: before anything was
  };
  /// What analytics knows of a device.
  struct Device {
    std::int64_t sessions = 0;
    std::map<std::string, std::string> first_touch;
  };
  struct Expected {
    TruthRow row;
    std::function<std::string()> id;
    std::function<std::string()> lineage_id;  ///< whose first id the key derives from; empty = id
  };

  std::mt19937_64 random_;
  std::string drop_dir_;
  Timestamp start_;
  std::multimap<Timestamp, Event> events_;
  std::vector<Buyer> buyers_;
  std::vector<Deal> deals_;
  std::map<std::size_t, std::string> accounts_;  ///< company -> CRM id
  std::string exported_;                         ///< the day's visits, as they stand in the file
  std::map<std::string, Device> devices_;        ///< by client id
  std::vector<TouchRow> visits_;                 ///< of buyers
  std::set<std::size_t> path_dependent_;         ///< buyers whose touches were another's for a while
  std::map<std::size_t, Typed> typed_;           ///< by buyer
  std::map<std::size_t, std::string> native_;    ///< buyer -> campaign that the CRM knows of
  std::vector<Expected> expected_;
  std::vector<std::size_t> shown_;  ///< deals worth a look
  std::size_t companies_ = 0;
  int files_ = 0;
  std::function<void(Timestamp, const std::string&)> listener_;
};

constexpr std::int64_t kUnit = 1'000'000;
/// What a qualified lead is worth in the demo's configuration.
constexpr std::int64_t kLead = 100 * kUnit;
/// 20 % of an amount in whole cents, rounded half away from zero: what an opportunity is worth there.
std::int64_t fifth(std::int64_t micros);

}  // namespace hw::sandbox
