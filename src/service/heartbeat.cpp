#include "service/heartbeat.h"

#include <utility>

namespace hw::service {
namespace {

thread_local Heartbeats::Loop* t_loop = nullptr;

}  // namespace

Heartbeats::Loop::Loop(Heartbeats& beats, std::string name) : beats_(beats), name_(std::move(name)) {
  t_loop = this;
  MutexLock lock(beats_.mu_);
  beats_.loops_.push_back(this);
}

Heartbeats::Loop::~Loop() {
  t_loop = nullptr;
  MutexLock lock(beats_.mu_);
  beats_.loops_.remove(this);
}

void Heartbeats::Loop::works() { since_ = beats_.now(); }
void Heartbeats::Loop::waits() { since_ = kWaiting; }

void Heartbeats::got_on() {
  if (t_loop != nullptr) t_loop->works();
}

std::optional<Heartbeats::Stuck> Heartbeats::stuck() const {
  const std::int64_t at = now();
  std::optional<Stuck> worst;
  MutexLock lock(mu_);
  for (const Loop* loop : loops_) {
    const std::int64_t since = loop->since_;
    if (since == Loop::kWaiting) continue;
    const Duration silent(at - since);
    if (silent > kStuckAfter && (!worst || silent > worst->silent)) worst = Stuck{loop->name_, silent};
  }
  return worst;
}

}  // namespace hw::service
