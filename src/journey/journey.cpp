#include "journey/journey.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

#include "base/text.h"
#include "identity/persons.h"

namespace hw::journey {

namespace records = store::records;
using store::StoredRecord;
using store::StoredTouch;

namespace {

constexpr Duration kSkew = std::chrono::minutes(5);
constexpr Duration kSession = std::chrono::minutes(30);
constexpr int kLongestMergeChain = 16;

std::optional<StoredRecord> survivor(store::Tx& tx, std::int64_t id) {
  auto record = records::get(tx, id);
  for (int hop = 0; record && record->state == "merged" && record->merged_into && hop < kLongestMergeChain; ++hop) {
    record = records::get(tx, *record->merged_into);
  }
  return record;
}

class People {
 public:
  explicit People(store::Tx& tx) : tx_(tx) {}

  void add(const std::optional<StoredRecord>& record, bool primary) {
    if (!record || record->state == "deleted" || record->state == "stub" || !seen_.insert(record->id).second) return;
    list_.push_back({*record, primary});
  }
  void add(const std::optional<std::int64_t>& id, bool primary) {
    if (id) add(survivor(tx_, *id), primary);
  }
  void add_all(std::vector<store::Tie> ties) {
    std::sort(ties.begin(), ties.end(), [](const store::Tie& a, const store::Tie& b) {
      return std::tuple(!a.primary, a.since, a.other) < std::tuple(!b.primary, b.since, b.other);
    });
    for (const store::Tie& tie : ties) add(tie.other, tie.primary);
  }
  std::vector<Person> take() { return std::move(list_); }

 private:
  store::Tx& tx_;
  std::set<std::int64_t> seen_;
  std::vector<Person> list_;
};

bool is_paid(const StoredTouch& touch) {
  return touch.channel.starts_with("Paid ") || touch.channel == "Display" || touch.channel == "Cross-network";
}

int kind_rank(const StoredTouch& touch) {
  const std::string& kind = touch.touch.kind;
  if (kind == "form" || kind == "lead_form") return 3;
  if (kind == "offline") return 4;
  if (kind == "crm_source") return 5;
  if (is_paid(touch)) return 0;
  return touch.touch.campaign.empty() ? 2 : 1;
}

void sort(std::vector<JourneyTouch>& touches) {
  auto key = [](const JourneyTouch& t) { return std::tuple(t.stored.touch.at, kind_rank(t.stored), t.stored.id); };
  std::sort(touches.begin(), touches.end(),
            [&](const JourneyTouch& a, const JourneyTouch& b) { return key(a) < key(b); });
}

/// Everything that leads to one person: touches that carry an identifier of theirs, and their records' own source
/// fields.
std::vector<StoredTouch> touches_of(store::Tx& tx, const StoredRecord& record) {
  std::vector<StoredTouch> out = store::touches::of_record(tx, record.id);
  auto append = [&](std::vector<StoredTouch> more) {
    out.insert(out.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  const auto identifiers = identity::persons_of(tx, record);
  for (const auto& identifier : identifiers) append(store::touches::with(tx, identifier.identifier));
  // A deal's own identifiers may lead to others' records, whose source fields say nothing of this deal.
  if (record.ref.object == Object::deal) return out;
  for (const StoredRecord& other : identity::records_of(tx, identifiers)) {
    if (other.id != record.id && other.state != "deleted") append(store::touches::of_record(tx, other.id));
  }
  return out;
}

}  // namespace

std::vector<Person> people_of(store::Tx& tx, const StoredRecord& subject) {
  People people(tx);
  if (subject.ref.object == Object::account) {
    people.add_all(records::ties_to(tx, subject.id, Object::contact));
    return people.take();
  }
  if (subject.ref.object == Object::deal) people.add_all(records::ties_from(tx, subject.id, Object::contact));
  if (subject.ref.object != Object::deal) people.add(std::optional(subject), /*primary=*/true);
  people.add(subject.converted_from, /*primary=*/false);
  people.add(std::optional(subject), /*primary=*/false);
  return people.take();
}

Journey of(store::Tx& tx, const StoredRecord& subject) {
  Journey out{people_of(tx, subject), {}};
  std::set<std::int64_t> seen;
  for (const Person& person : out.people) {
    for (StoredTouch& touch : touches_of(tx, person.record)) {
      if (seen.insert(touch.id).second) out.touches.push_back({std::move(touch), person.record.id});
    }
  }
  sort(out.touches);
  return out;
}

Journey seen(const Journey& whole) {
  Journey out{whole.people, {}};
  const auto by_crm = [](const JourneyTouch& t) { return t.stored.touch.kind == "crm_source"; };
  std::copy_if(whole.touches.begin(), whole.touches.end(), std::back_inserter(out.touches),
               [&](const JourneyTouch& t) { return !by_crm(t); });
  if (!out.touches.empty()) return out;
  std::copy_if(whole.touches.begin(), whole.touches.end(), std::back_inserter(out.touches),
               [&](const JourneyTouch& t) { return t.stored.touch.medium != "offline"; });
  return out;
}

const JourneyTouch* Journey::first_touch() const { return touches.empty() ? nullptr : &touches.front(); }

const JourneyTouch* Journey::last_touch(Timestamp moment) const {
  const JourneyTouch* last = nullptr;
  for (const JourneyTouch& touch : touches) {
    if (touch.stored.touch.at <= moment) last = &touch;
  }
  return last;
}

const JourneyTouch* Journey::last_non_direct_touch(Timestamp moment, Duration look_back) const {
  const JourneyTouch* last = nullptr;
  for (const JourneyTouch& touch : touches) {
    bool is_inside = touch.stored.touch.at <= moment && touch.stored.touch.at >= moment - look_back;
    if (is_inside && touch.stored.channel != "Direct") last = &touch;
  }
  return last != nullptr ? last : last_touch(moment);
}

std::vector<JourneyTouch> attribution_path(const Journey& journey, Timestamp conversion, Duration look_back) {
  std::vector<JourneyTouch> eligible;
  for (JourneyTouch touch : journey.touches) {
    Timestamp& at = touch.stored.touch.at;
    if (at > conversion && at <= conversion + kSkew) at = conversion;
    if (at <= conversion && at >= conversion - look_back) eligible.push_back(std::move(touch));
  }
  sort(eligible);
  using Session = std::tuple<std::int64_t, std::string, std::string, std::string>;
  std::map<Session, Timestamp> latest;
  std::vector<JourneyTouch> path;
  for (JourneyTouch& touch : eligible) {
    const Touch& t = touch.stored.touch;
    Session session(touch.person, to_lower_utf8(t.source), to_lower_utf8(t.medium), to_lower_utf8(t.campaign));
    auto [known, is_new] = latest.try_emplace(session, t.at);
    bool goes_on = !is_new && t.at - known->second <= kSession;
    known->second = t.at;
    if (!goes_on) path.push_back(std::move(touch));
  }
  return path;
}

}  // namespace hw::journey
