#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "conformance/conformance.h"
#include "conformance/faults.h"
#include "conformance/plain_normaliser.h"

/// The pieces that the checks of sources and sinks share.
namespace hw::conformance {

/// One connector of a case, freshly made, with a clock, a vendor and a normaliser of its own.
class Rig {
 public:
  explicit Rig(const Case& c);
  FakeHttp http;
  connect::Connector* operator->() { return connector_.get(); }
  connect::Connector& connector() { return *connector_; }
  /// False (and a failure of the test) when the case's own options are refused.
  [[nodiscard]] bool is_ready() const { return connector_ != nullptr; }
  [[nodiscard]] connect::Context context() const { return {.stop = stop_.get_token()}; }
  void stop() { stop_.request_stop(); }
  /// The case's destination, with its own options.
  [[nodiscard]] const connect::Target& target() const { return target_; }

  /// The nth request (from 0) of this rig goes wrong, all others are answered well.
  void break_request(std::size_t nth, const Fault& fault);
  /// A stop is asked for while the first request is under way.
  void stop_in_first_request();

 private:
  FakeHttp::Handler good_;
  FakeClock clock_;
  PlainNormaliser normaliser_;
  connect::Vocabulary vocabulary_;
  std::stop_source stop_;
  connect::Options options_, destination_options_;
  connect::Target target_;
  std::unique_ptr<connect::Connector> connector_;
};

/// Knows what must never come out, and collects the log of its lifetime. One at a time.
class Watch {
 public:
  explicit Watch(const Case& c);
  ~Watch();  ///< looks through the log lines
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// Fails the test when `text` holds a secret, a personal text or the canary of a faulty body.
  void expect_clean(std::string_view text, std::string_view where) const;
  void expect_clean(const Error& e, std::string_view where) const;

 private:
  std::vector<std::string> forbidden_;
};

bool is_code(std::string_view code);  ///< [a-z0-9_]+

/// Holds an error against what the fault demands.
void expect_classified(const Error& e, const Fault& fault, const Watch& watch);
void expect_wish(const std::optional<Duration>& got, const Fault& fault);

/// No connector tries again by itself: the request that failed must not stand among the later ones. Nor does it follow
/// a redirect.
void expect_no_second_try(const FakeHttp& http, std::size_t failed);

/// Lets each of the first requests that `ask(rig)` makes go wrong in every way: each time an Error must say so.
template <class Ask>
void expect_each_fault_is_told(const Case& c, const Watch& watch, std::size_t requests, Ask ask) {
  for (std::size_t nth = 0; nth < std::min<std::size_t>(requests, 5); ++nth) {
    for (const Fault& fault : faults(c.now)) {
      SCOPED_TRACE("request " + std::to_string(nth) + ": " + fault.name);
      Rig rig(c);
      rig.break_request(nth, fault);
      const auto answer = ask(rig);
      expect_no_second_try(rig.http, nth);
      ASSERT_FALSE(answer.has_value()) << "the failure was hidden";
      expect_classified(answer.error(), fault, watch);
    }
  }
}

/// One outcome of a write or an upload, each against the fault of its request.
void expect_fits(const connect::Outcome& outcome, const Fault& fault);

/// Pages of a look-up, if the connector has one.
void check_lookup_conformance(const Case& c, const Watch& watch);

/// check_online() and discover() on a good day, with every request broken once, and stopped.
void check_online_conformance(const Case& c, const Watch& watch);

}  // namespace hw::conformance
