#include "conformance/rig.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "base/log.h"

namespace hw::conformance {
namespace {

Mutex& log_mutex() {
  static Mutex mutex;
  return mutex;
}

std::vector<std::string>& log_lines() {
  static std::vector<std::string> lines;
  return lines;
}

void collect(std::string_view line) {
  MutexLock lock(log_mutex());
  log_lines().emplace_back(line);
}

void add_secrets(const connect::Options& options, std::vector<std::string>& out) {
  for (const auto& [name, option] : options.values) {
    if (const auto* secret = std::get_if<Secret>(&option.value)) out.push_back(secret->reveal());
    if (const auto* groups = std::get_if<std::vector<connect::Options>>(&option.value)) {
      for (const connect::Options& group : *groups) add_secrets(group, out);
    }
  }
}

bool is_same_request(const http::Request& a, const http::Request& b) {
  return a.method == b.method && a.url == b.url && a.body == b.body;
}

}  // namespace

Rig::Rig(const Case& c)
    : http(c.good), good_(c.good), clock_(c.now), vocabulary_(c.type.vocabulary), options_(c.options()) {
  destination_options_ = c.destination_options ? c.destination_options() : fill_defaults(c.type.destination_options);
  target_ = {.account = c.account, .action = c.action, .options = &destination_options_};
  std::vector<connect::OptionError> errors;
  const connect::Env env{
      .http = http, .clock = clock_, .normaliser = normaliser_, .vocabulary = vocabulary_, .instance = "under_test"};
  connector_ = c.type.make(options_, c.fields, env, errors);
  for (const connect::OptionError& e : errors) ADD_FAILURE() << "the case's options are refused: " << to_string(e);
  EXPECT_NE(connector_, nullptr);
}

void Rig::break_request(std::size_t nth, const Fault& fault) {
  auto count = std::make_shared<std::atomic<std::size_t>>(0);
  http.set_handler([=, good = good_](const http::Request& r) -> Result<http::Response> {
    Result<http::Response> answer = good(r);
    if (count->fetch_add(1) != nth || !answer) return answer;
    return fault.answer(*answer);
  });
}

void Rig::stop_in_first_request() {
  http.set_handler([this](const http::Request& r) {
    stop();
    return good_(r);
  });
}

Watch::Watch(const Case& c) : forbidden_(c.personal) {
  add_secrets(c.options(), forbidden_);
  if (c.destination_options) add_secrets(c.destination_options(), forbidden_);
  forbidden_.emplace_back(kBodyCanary);
  std::erase(forbidden_, "");
  log_lines().clear();
  set_log_sink_for_test(collect);
  set_log_level(Level::debug);
}

Watch::~Watch() {
  set_log_sink_for_test(nullptr);
  set_log_level(Level::info);
  MutexLock lock(log_mutex());
  for (const std::string& line : log_lines()) expect_clean(line, "a log line");
}

void Watch::expect_clean(std::string_view text, std::string_view where) const {
  for (const std::string& word : forbidden_) {
    EXPECT_EQ(text.find(word), std::string_view::npos) << where << " gives '" << word << "' away: " << text;
  }
}

void Watch::expect_clean(const Error& e, std::string_view where) const {
  expect_clean(e.code, where);
  expect_clean(e.detail, where);
}

bool is_code(std::string_view code) {
  return !code.empty() && code.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

void expect_wish(const std::optional<Duration>& got, const Fault& fault) {
  if (!fault.retry_after) return;
  ASSERT_TRUE(got.has_value()) << "the server's wish to wait was dropped";
  EXPECT_LE(std::chrono::abs(*got - *fault.retry_after), std::chrono::seconds(1));
}

void expect_classified(const Error& e, const Fault& fault, const Watch& watch) {
  EXPECT_TRUE(fault.actions.contains(e.action)) << "classified as " << to_string(e.action) << ", code " << e.code;
  EXPECT_TRUE(is_code(e.code)) << "code '" << e.code << "' is not [a-z0-9_]+";
  EXPECT_FALSE(e.detail.empty()) << "the error tells people nothing";
  expect_wish(e.retry_after, fault);
  watch.expect_clean(e, "an error");
}

void expect_no_second_try(const FakeHttp& http, std::size_t failed) {
  const std::vector<http::Request> all = http.requests();
  for (std::size_t i = failed + 1; i < all.size(); ++i) {
    EXPECT_FALSE(is_same_request(all[i], all[failed])) << "the connector itself tried again: " << all[i].url;
    EXPECT_FALSE(all[i].url.starts_with(kElsewhere)) << "followed a redirect to another host: " << all[i].url;
  }
}

namespace {

/// What an outer error asks for, as the verdict of a single row.
std::optional<Action> action_of(connect::Verdict v) {
  switch (v) {
    case connect::Verdict::accepted:
    case connect::Verdict::already_received:
      return std::nullopt;
    case connect::Verdict::retry:
      return Action::retry;
    case connect::Verdict::reject_row:
      return Action::reject_row;
    case connect::Verdict::reject_batch:
      return Action::reject_batch;
    case connect::Verdict::pause:
      return Action::pause;
  }
  return std::nullopt;
}

}  // namespace

void expect_fits(const connect::Outcome& o, const Fault& fault) {
  const std::optional<Action> action = action_of(o.verdict);
  EXPECT_TRUE(action && fault.actions.contains(*action)) << "the row counts as " << connect::to_string(o.verdict);
  EXPECT_TRUE(o.maybe_applied || !fault.maybe_applied) << "the row may have been applied";
  expect_wish(o.after, fault);
}

namespace {

using Findings = std::vector<connect::Finding>;
using Objects = std::vector<connect::RemoteObject>;

void expect_clean(const Findings& findings, const Watch& watch) {
  for (const connect::Finding& f : findings) watch.expect_clean(f.subject + ": " + f.message, "a finding");
}

void expect_clean(const Objects& objects, const Watch& watch) {
  for (const connect::RemoteObject& o : objects)
    watch.expect_clean(o.kind + " " + o.id + " " + o.label, "a remote object");
}

connect::References references(const Case& c, const Rig& rig) {
  connect::References refs;
  refs.fields = c.fields;
  if (!c.action.empty()) refs.targets.push_back(rig.target());
  return refs;
}

bool tells_trouble(const Findings& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const connect::Finding& f) { return f.severity != connect::Finding::Severity::ok; });
}
/// discover() has no other way to tell than an error.
bool tells_trouble(const Objects&) { return false; }

/// `ask` is check_online() or discover().
template <class Ask>
void check_question(const Case& c, const Watch& watch, Ask ask) {
  Rig good(c);
  const auto answer = ask(good);
  EXPECT_TRUE(answer.has_value()) << answer.error().code << ": " << answer.error().detail;
  if (answer) expect_clean(*answer, watch);
  for (std::size_t nth = 0; nth < std::min<std::size_t>(good.http.request_count(), 5); ++nth) {
    for (const Fault& fault : faults(c.now)) {
      SCOPED_TRACE(fault.name);
      Rig rig(c);
      rig.break_request(nth, fault);
      const auto broken = ask(rig);
      expect_no_second_try(rig.http, nth);
      if (!broken) {
        expect_classified(broken.error(), fault, watch);
      } else {
        EXPECT_TRUE(tells_trouble(*broken)) << "request " << nth << " failed and nothing was said";
        expect_clean(*broken, watch);
      }
    }
  }
  Rig stopped(c);
  stopped.stop();
  if (const auto late = ask(stopped); !late) watch.expect_clean(late.error(), "an error");
  EXPECT_LE(stopped.http.request_count(), 1U) << "went on after a stop";
}

}  // namespace

void check_online_conformance(const Case& c, const Watch& watch) {
  {
    SCOPED_TRACE("check_online");
    check_question(c, watch, [&](Rig& rig) { return rig->check_online(references(c, rig), rig.context()); });
  }
  SCOPED_TRACE("discover");
  check_question(c, watch, [](Rig& rig) { return rig->discover(rig.context()); });
}

}  // namespace hw::conformance
