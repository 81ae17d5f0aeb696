#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "identity/resolve_kit.h"

/// Order does not matter.
namespace hw::identity {
namespace {

using test::client;
using test::email;
using test::gclid;
using test::in_a_world;
using test::World;

/// A small universe in which shared mailboxes, kiosks and chains of touches are common.
struct Story {
  struct Event {
    enum class Kind { contact, lead, deal, touch } kind;
    std::string id;
    int minute;
    std::vector<Identifier> identifiers;
  };
  std::vector<Event> events;
  std::vector<Identifier> universe;
};

Story make_story(std::mt19937& random) {
  Story story;
  auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
  for (int i = 0; i < 3; ++i) story.universe.push_back(email("e" + std::to_string(i)));
  for (int i = 0; i < 4; ++i) story.universe.push_back(client("c" + std::to_string(i)));
  for (int i = 0; i < 4; ++i) story.universe.push_back(gclid("g" + std::to_string(i)));
  auto some = [&](int most) {
    std::vector<Identifier> out;
    for (int n = below(static_cast<unsigned>(most)) + 1; n > 0; --n) out.push_back(story.universe[random() % 11]);
    return out;
  };
  using Kind = Story::Event::Kind;
  const Kind kinds[] = {Kind::contact, Kind::contact, Kind::lead, Kind::deal};
  int records = 3 + below(6), touches = 3 + below(10);
  for (int i = 0; i < records; ++i) story.events.push_back({kinds[random() % 4], "r" + std::to_string(i), 0, some(3)});
  for (int i = 0; i < touches; ++i) story.events.push_back({Kind::touch, "t" + std::to_string(i), below(50), some(3)});
  for (const auto& event : story.events) {
    if (event.kind == Kind::touch) continue;
    Object object = event.kind == Kind::contact ? Object::contact
                    : event.kind == Kind::lead  ? Object::lead
                                                : Object::deal;
    story.universe.push_back(crm_identifier({"crm", object, event.id}));
  }
  return story;
}

void play(World& world, const Story::Event& event) {
  using Kind = Story::Event::Kind;
  switch (event.kind) {
    case Kind::contact:
      world.record(Object::contact, event.id, event.identifiers);
      break;
    case Kind::lead:
      world.record(Object::lead, event.id, event.identifiers);
      break;
    case Kind::deal:
      world.record(Object::deal, event.id, event.identifiers);
      break;
    case Kind::touch:
      world.touch(event.id, event.minute, event.identifiers);
      break;
  }
}

void undo(World& world, const Story::Event& event) {
  using Kind = Story::Event::Kind;
  switch (event.kind) {
    case Kind::contact:
      world.remove(Object::contact, event.id);
      break;
    case Kind::lead:
      world.remove(Object::lead, event.id);
      break;
    case Kind::deal:
      world.remove(Object::deal, event.id);
      break;
    case Kind::touch:
      world.withdraw_touch(event.id);
      break;
  }
}

const ResolverOptions kTight{{{"email_sha256", 2}, {"ga_client_id", 2}, {"gclid", 3}}, 1000};

using Events = std::vector<Story::Event>;

std::set<std::string> state_after(const Events& played, const Events& undone, const std::vector<Identifier>& universe) {
  std::set<std::string> out;
  in_a_world(kTight, [&](World& world) {
    for (const auto& event : played) play(world, event);
    for (const auto& event : undone) undo(world, event);
    out = world.state(universe);
  });
  return out;
}

TEST(Resolver, EveryOrderOfArrivalGivesTheSameLinksPersonsAndQuarantines) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    Story story = make_story(random);
    const std::set<std::string> expected = state_after(story.events, {}, story.universe);
    for (int round = 0; round < 2; ++round) {
      std::shuffle(story.events.begin(), story.events.end(), random);
      ASSERT_EQ(state_after(story.events, {}, story.universe), expected) << "seed " << seed;
    }
  }
}

TEST(Resolver, WhatIsTakenBackLeavesNoTrace) {
  for (unsigned seed = 1001; seed <= 1040; ++seed) {
    std::mt19937 random(seed);
    Story story = make_story(random);
    std::shuffle(story.events.begin(), story.events.end(), random);
    auto middle = story.events.begin() + static_cast<std::ptrdiff_t>(story.events.size() / 2);
    const Events kept(story.events.begin(), middle), undone(middle, story.events.end());
    std::shuffle(story.events.begin(), story.events.end(), random);
    ASSERT_EQ(state_after(story.events, undone, story.universe), state_after(kept, {}, story.universe))
        << "seed " << seed;
  }
}

}  // namespace
}  // namespace hw::identity
