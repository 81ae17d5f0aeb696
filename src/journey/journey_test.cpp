#include "journey/journey.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "journey/store_for_test.h"

namespace hw::journey {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Identifier kClient{"ga_client_id", "c1"};

std::vector<std::string> keys(const std::vector<JourneyTouch>& touches) {
  std::vector<std::string> out;
  for (const JourneyTouch& touch : touches) out.push_back(touch.stored.touch.key);
  return out;
}
std::string key(const JourneyTouch* touch) { return touch == nullptr ? "(none)" : touch->stored.touch.key; }
std::vector<std::string> names(const std::vector<Person>& people) {
  std::vector<std::string> out;
  for (const Person& person : people) out.push_back(person.record.ref.id);
  return out;
}

TEST(Journey, PeopleOfADealAreItsContactsPrimaryFirstThenItsLeadThenItself) {
  in_a_world([](WorldForTest& world) {
    world.record(state_of(Object::lead, "lead", {}));
    world.record(state_of(Object::contact, "bob", {}));
    world.record(state_of(Object::contact, "anna", {}));
    RecordState deal = state_of(Object::deal, "deal", {});
    deal.converted_from = RecordRef{"crm", Object::lead, "lead"};
    world.record(deal);
    world.tie("deal", {"anna", "bob"});
    EXPECT_THAT(names(people_of(world.tx, world.get(Object::deal, "deal"))),
                ElementsAre("anna", "bob", "lead", "deal"));
  });
}

TEST(Journey, MergedContactIsFollowedToItsSurvivorAndADeletedOneIsLeftOut) {
  in_a_world([](WorldForTest& world) {
    auto anna = world.record(state_of(Object::contact, "anna", {}));
    auto anne = world.record(state_of(Object::contact, "anne", {}));
    auto bob = world.record(state_of(Object::contact, "bob", {}));
    world.record(state_of(Object::deal, "deal", {}));
    world.tie("deal", {"anne", "bob"});
    world.set_state(anne, "merged", anna.id);
    world.set_state(bob, "deleted", std::nullopt);
    EXPECT_THAT(names(people_of(world.tx, world.get(Object::deal, "deal"))), ElementsAre("anna", "deal"));
  });
}

TEST(Journey, HoldsEachTouchOnceInOrderOfTimeAndKind) {
  in_a_world([](WorldForTest& world) {
    const Identifier email{"email_sha256", "a"};
    auto anna = world.record(state_of(Object::contact, "anna", {kClient, email}));
    Touch form = touch_of("form", 5, {kClient});
    form.kind = "form";
    Touch source = touch_of("source", 5, {});
    source.kind = "crm_source";
    world.touch(form);
    world.touch(source, "Referral", anna.id);
    world.touch(touch_of("visit", 5, {kClient}), "Direct");
    world.touch(touch_of("click", 5, {kClient}, "x", "email", "spring"), "Email");
    world.touch(touch_of("paid", 5, {kClient, email}, "google", "cpc"), "Paid Search");
    world.touch(touch_of("early", 1, {kClient}), "Direct");
    world.touch(touch_of("stranger", 1, {{"ga_client_id", "c9"}}), "Direct");
    EXPECT_THAT(keys(of(world.tx, anna).touches), ElementsAre("early", "paid", "click", "visit", "form", "source"));
  });
}

TEST(Journey, DealSeesTheTouchesOfItsContactsItsLeadAndItsOwnFields) {
  in_a_world([](WorldForTest& world) {
    auto anna = world.record(state_of(Object::contact, "anna", {kClient}));
    auto lead = world.record(state_of(Object::lead, "lead", {}));
    RecordState state = state_of(Object::deal, "deal", {{"gclid", "g1"}});
    state.converted_from = RecordRef{"crm", Object::lead, "lead"};
    auto deal = world.record(state);
    world.tie("deal", {"anna"});
    world.touch(touch_of("anna", 1, {kClient}));
    world.touch(touch_of("lead", 2, {}), "Referral", lead.id);
    world.touch(touch_of("deal", 3, {}), "Referral", deal.id);
    world.touch(touch_of("click", 4, {{"gclid", "g1"}}));
    Journey journey = of(world.tx, deal);
    EXPECT_THAT(keys(journey.touches), ElementsAre("anna", "lead", "deal", "click"));
    EXPECT_EQ(journey.touches[0].person, anna.id);
    EXPECT_EQ(journey.touches[3].person, deal.id);
  });
}

TEST(Journey, FirstLastAndLastNonDirectTouch) {
  in_a_world([](WorldForTest& world) {
    auto anna = world.record(state_of(Object::contact, "anna", {kClient}));
    world.touch(touch_of("search", 10, {kClient}, "google", "organic"), "Organic Search");
    world.touch(touch_of("direct", 20, {kClient}), "Direct");
    world.touch(touch_of("late", 30, {kClient}, "x", "email"), "Email");
    Journey journey = of(world.tx, anna);
    EXPECT_EQ(key(journey.first_touch()), "search");
    EXPECT_EQ(key(journey.last_touch(at_minute(25))), "direct");
    EXPECT_EQ(key(journey.last_touch(at_minute(30))), "late");
    EXPECT_EQ(key(journey.last_touch(at_minute(9))), "(none)");
    EXPECT_EQ(key(journey.last_non_direct_touch(at_minute(25))), "search");
    EXPECT_EQ(key(journey.last_non_direct_touch(at_minute(25), std::chrono::minutes(15))), "search");
    EXPECT_EQ(key(journey.last_non_direct_touch(at_minute(25), std::chrono::minutes(14))), "direct");
  });
}

TEST(Journey, WithoutTouchesHasNoFirst) {
  in_a_world([](WorldForTest& world) {
    EXPECT_EQ(of(world.tx, world.record(state_of(Object::contact, "anna", {}))).first_touch(), nullptr);
  });
}

TEST(Journey, FirstTouchChangesOnlyWhenAnEarlierOneArrives) {
  in_a_world([](WorldForTest& world) {
    std::mt19937 random(7);
    auto anna = world.record(state_of(Object::contact, "anna", {kClient}));
    std::string first = "(none)";
    Timestamp first_at = Timestamp::max();
    for (int i = 0; i < 40; ++i) {
      Touch touch = touch_of("t" + std::to_string(i), static_cast<int>(random() % 1000), {kClient});
      world.touch(touch, i % 2 == 0 ? "Direct" : "Paid Search");
      std::string now = key(of(world.tx, anna).first_touch());
      if (touch.at < first_at) {
        EXPECT_EQ(now, touch.key);
      } else if (touch.at > first_at) {
        EXPECT_EQ(now, first);
      }
      first_at = std::min(first_at, touch.at);
      first = now;
    }
  });
}

// ------------------------------------------------------------------------------------------------- attribution path

JourneyTouch path_touch(const std::string& name, int minute, const std::string& source, std::int64_t person = 1) {
  JourneyTouch touch;
  touch.stored.id = minute;
  touch.stored.touch = touch_of(name, minute, {}, source, "cpc", "spring");
  touch.person = person;
  return touch;
}

TEST(AttributionPath, SessionIsEachTouchWithin30MinutesOfTheOneBefore) {
  Journey journey;
  journey.touches = {path_touch("a", 0, "google"), path_touch("b", 30, "Google"), path_touch("c", 60, "google"),
                     path_touch("d", 91, "google")};
  auto path = attribution_path(journey, at_minute(1000), std::chrono::hours(24));
  EXPECT_THAT(keys(path), ElementsAre("a", "d"));
  EXPECT_EQ(path[0].stored.touch.at, at_minute(0));
  EXPECT_EQ(journey.touches.size(), 4U);
}

TEST(AttributionPath, OtherSourcesPersonsAndAbsentValuesAreOtherSessions) {
  Journey journey;
  journey.touches = {path_touch("a", 0, "google"), path_touch("b", 1, "bing"),   path_touch("c", 2, "google", 2),
                     path_touch("d", 3, ""),       path_touch("e", 4, "google"), path_touch("f", 5, "")};
  EXPECT_THAT(keys(attribution_path(journey, at_minute(1000), std::chrono::hours(24))),
              ElementsAre("a", "b", "c", "d"));
}

TEST(AttributionPath, BothEndsOfTheLookBackAreIn) {
  Journey journey;
  journey.touches = {path_touch("before", 39, "a"), path_touch("start", 40, "b"), path_touch("end", 100, "c")};
  EXPECT_THAT(keys(attribution_path(journey, at_minute(100), std::chrono::minutes(60))), ElementsAre("start", "end"));
}

TEST(AttributionPath, SkewOfFiveMinutesIsMovedToTheConversion) {
  Journey journey;
  journey.touches = {path_touch("skewed", 105, "a"), path_touch("after", 106, "b")};
  auto path = attribution_path(journey, at_minute(100), std::chrono::minutes(60));
  EXPECT_THAT(keys(path), ElementsAre("skewed"));
  EXPECT_EQ(path[0].stored.touch.at, at_minute(100));
}

TEST(AttributionPath, MayBeEmpty) { EXPECT_THAT(attribution_path({}, at_minute(1), std::chrono::hours(1)), IsEmpty()); }

}  // namespace
}  // namespace hw::journey
