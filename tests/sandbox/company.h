#pragma once
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

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
};

/// A buyer as the script knows them.
struct Buyer {
  std::string given_name, family_name, email, country = "DE", client_id, consent = "granted";
  std::string contact;  ///< CRM id, once the form is filled in
  std::string click;    ///< their ad click's id, "" = none
  std::string account = Names::kEu;
};

/// A B2B software company: buyers click ads, fill in forms, qualify, buy, and their deals are edited, reopened, merged
/// and deleted. Stories are written as events at times; each story states what must be believed at the end, by the
/// rules of the design and not by Headwater's code.
class Company final : public Script {
 public:
  Company(std::uint64_t seed, std::string drop_dir);

  Timestamp start() const override { return start_; }
  Timestamp end() const override { return start_ + std::chrono::hours(24 * 175); }
  Timestamp next_event() const override;
  void advance(World& world, Timestamp now) override;
  std::vector<TruthRow> truth(const World& world) const override;
  std::map<std::string, int> census() const override { return census_; }
  /// What the contacts' source fields should hold: of those whose people's touches do not depend on when somebody
  /// looked.
  std::vector<FieldTruth> fields(const World& world) const;

 private:
  using Event = std::function<void(World&)>;

  // company.cpp: the verbs that stories are written in. Times are days (and hours) after the start.
  Timestamp day(double days) const;
  double pick(double low, double high);
  std::int64_t amount();  ///< in micros, with cents
  void at(double days, Event event);
  std::size_t buyer(const std::string& country = "DE");
  void visit(std::size_t b, double days, const std::string& source, const std::string& medium,
             const std::string& campaign, bool click);
  void click(std::size_t b, double days);
  void form(std::size_t b, double days);
  void lifecycle(std::size_t b, double days, const std::string& stage);
  std::size_t deal(std::size_t b, double days, std::int64_t micros, const std::string& currency = "EUR",
                   const std::string& type = "new");
  void stage(std::size_t d, double days, const std::string& stage);
  void set_amount(std::size_t d, double days, const std::string& text);
  double lowering_day();  ///< a day of its own, so that no rolling day holds enough lowerings for the brake
  void drop_touches(const World& world, Timestamp now);
  void drop_spend(Timestamp now);
  void setting(World& world);

  // What must be believed.
  void expect(const std::string& destination, const std::string& goal, const std::string& object,
              std::function<std::string()> id, std::int64_t occurrence, const std::string& state,
              const std::string& reason, const std::string& currency, std::int64_t wanted, std::int64_t told);
  void qualified(std::size_t b, const std::string& state, const std::string& reason, bool believed);
  struct DealTruth {
    std::string state = "taken", reason;
    std::int64_t wanted = 0, told = 0;
  };
  void won(std::size_t d, const DealTruth& truth);
  void opportunity(std::size_t d, const DealTruth& truth);

  // company_stories.cpp: one function a story; the name is what census counts.
  void stories();
  void plain(bool us);
  void edit(bool up);
  void reopened_by_mistake();
  void lost_after_win();
  void won_again_after_final_zero();
  void deleted_after_win();
  void contact_merge_loser_told();
  void contact_merge_both_told();
  void unmerge();
  void shared_device();
  void late_click();
  void late_click_after_upload();
  void consent_never_given();
  void consent_given_late();
  void consent_withdrawn();
  void no_identifier(bool early);
  void expired();
  void later_click_in_window();
  void unattributed();
  void test_record();
  void no_amount(bool zero);
  void recent_click();
  void two_deals_one_person();
  void before_go_live();
  void deal_merge();
  void regressed();
  void source_typed_first();
  void source_typed_later();

  struct Deal {
    std::size_t buyer = 0;
    std::string id, currency;
  };
  struct TouchRow {
    Timestamp at;
    std::string client_id, gclid, source, medium, campaign, page;
  };
  std::vector<const TouchRow*> touches_of(const World& world, std::size_t buyer) const;
  struct Expected {
    TruthRow row;
    std::function<std::string()> id;
    std::function<std::string()> lineage_id;  ///< whose first id the key derives from; empty = id
    std::int64_t key_occurrence = 1;
  };

  std::mt19937_64 random_;
  std::string drop_dir_;
  Timestamp start_;
  std::multimap<Timestamp, Event> events_;
  std::vector<Buyer> buyers_;
  std::vector<Deal> deals_;
  std::vector<TouchRow> touches_;         ///< of the day
  std::vector<TouchRow> visits_;          ///< all that were dropped
  std::set<std::size_t> path_dependent_;  ///< buyers whose touches were another's for a while
  std::map<std::size_t, std::map<std::string, std::string>> typed_;  ///< buyer -> field -> what must stay
  std::vector<Expected> expected_;
  std::map<std::string, int> census_;
  int lowerings_ = 0, files_ = 0;
  std::string history_note_;
};

}  // namespace hw::sandbox
