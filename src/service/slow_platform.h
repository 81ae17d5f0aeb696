#pragma once
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "service/test_kit.h"

/// A platform whose requests take as long as a test wants.
namespace hw::service {

/// What test and platform tell each other: there is one request, and it is under way.
struct Meeting {
  std::mutex mu;
  std::condition_variable_any changed;
  bool under_way = false, may_answer = false, was_cut = false;
  int requests = 0;

  void tell(bool Meeting::*what) {
    const std::lock_guard lock(mu);
    this->*what = true;
    changed.notify_all();
  }
  void await(bool Meeting::*what) {
    std::unique_lock lock(mu);
    changed.wait(lock, [&] { return this->*what; });
  }
  [[nodiscard]] bool comes(bool Meeting::*what, std::chrono::seconds within) {
    std::unique_lock lock(mu);
    return changed.wait_for(lock, within, [&] { return this->*what; });
  }
};
inline std::unique_ptr<Meeting> g_meeting;

/// Answers when the test says so, or gives up when it is cut.
class SlowSink final : public connect::ConversionSink {
 public:
  explicit SlowSink(const Clock& clock) : quick_(clock, conformance::generous()) {}
  const connect::Contract& contract() const override { return quick_.contract(); }
  std::variant<connect::Item, connect::Refusal> prepare(const Conversion& c, const connect::Revision& r,
                                                        const connect::Target& t, const connect::Sent* original,
                                                        Timestamp now) const override {
    return quick_.prepare(c, r, t, original, now);
  }
  std::string body(std::span<const connect::Item> items, const connect::Target& t, bool validate) const override {
    return quick_.body(items, t, validate);
  }
  Result<connect::Answer> send(std::span<const connect::Item> items, const connect::Target& t, bool validate,
                               connect::Context context) override {
    Meeting& m = *g_meeting;
    m.tell(&Meeting::under_way);
    {
      std::unique_lock lock(m.mu);
      ++m.requests;
      m.changed.wait(lock, context.stop, [&] { return m.may_answer; });
      m.was_cut = context.stop.stop_requested();
      if (m.was_cut) return Error{Action::retry, "stopped", "the transfer was cut", {}, true};
    }
    return quick_.send(items, t, validate, context);
  }
  Result<std::vector<connect::Confirmation>> confirm(std::span<const std::string> receipts, const connect::Target& t,
                                                     connect::Context context) override {
    return quick_.confirm(receipts, t, context);
  }

 private:
  conformance::FakeSink quick_;
};

class SlowPlatform final : public connect::Connector {
 public:
  explicit SlowPlatform(const Clock& clock) : sink_(clock) {}
  connect::ConversionSink* conversions() override { return &sink_; }
  Result<std::vector<connect::Finding>> check_online(const connect::References&, connect::Context) override {
    return std::vector<connect::Finding>{};
  }
  Result<std::vector<connect::RemoteObject>> discover(connect::Context) override {
    return std::vector<connect::RemoteObject>{};
  }

 private:
  SlowSink sink_;
};

inline std::unique_ptr<connect::Connector> make_slow(const connect::Options&,
                                                     const std::vector<std::pair<Object, std::string>>&,
                                                     connect::Env env, std::vector<connect::OptionError>&) {
  return std::make_unique<SlowPlatform>(env.clock);
}

}  // namespace hw::service
