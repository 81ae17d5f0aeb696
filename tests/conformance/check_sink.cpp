#include <gtest/gtest.h>

#include <algorithm>

#include "base/hash.h"
#include "conformance/dump.h"
#include "conformance/rig.h"

namespace hw::conformance {
namespace {

using connect::Answer;
using connect::Confirmation;
using connect::Contract;
using connect::ConversionSink;
using connect::Item;
using connect::Outcome;
using connect::Receipt;
using connect::Refusal;
using connect::Revision;
using connect::Sent;
using connect::Verdict;
using std::chrono::hours;

/// One that any platform would take: a day old, granted, with a click and every hash the contract names.
Conversion sample(const Contract& contract, Timestamp now) {
  Conversion c;
  c.goal = "closed_won";
  c.at = now - hours(24);
  c.value = Money{100'000'000, Currency::parse("EUR").value()};
  c.lead_created = now - hours(48);
  c.address.country = "DE";
  c.consent = {ConsentState::granted, ConsentState::granted};
  if (!contract.click_types.empty()) {
    c.clicks.push_back({.type = contract.click_types.front(), .value = "TeStClick-1_0", .at = now - hours(48)});
  }
  for (const HashForm& form : contract.hash_forms) c.hashes[form] = {sha256_hex("sample of " + form)};
  return c;
}

class SinkCheck {
 public:
  SinkCheck(const Case& c, const Watch& watch) : case_(c), watch_(watch), good_(c) {}

  void run() {
    check_contract();
    prepare_items();
    if (items_.empty()) return;
    check_later_revisions();
    check_body();
    for (const std::size_t count : {std::size_t{1}, items_.size()}) {
      SCOPED_TRACE(std::to_string(count) + " items");
      check_send(count);
      check_faults(count);
    }
    check_stop();
    check_confirm();
  }

 private:
  using Prepared = std::variant<Item, Refusal>;

  static ConversionSink& sink(Rig& rig) { return *rig->conversions(); }
  const Contract& contract() { return sink(good_).contract(); }
  [[nodiscard]] std::span<const Item> first(std::size_t count) const { return std::span(items_).first(count); }

  void check_contract() {
    const Contract& k = contract();
    EXPECT_TRUE(k.operations.contains(Operation::upload));
    EXPECT_EQ(k.operations.contains(Operation::restate), k.restate_up || k.restate_down);
    EXPECT_FALSE(k.form.empty()) << "whose items these are";
    EXPECT_GE(k.max_items, 1U);
    EXPECT_GT(k.max_bytes, 0U);
    EXPECT_TRUE(!k.click_types.empty() || !k.hash_forms.empty() || case_.conversion)
        << "nothing to identify a conversion by: give Case::conversion if it is an identifier of another kind";
    EXPECT_EQ(k.click_types.empty(), k.click_window == Duration::zero()) << "clicks and their age window go together";
    EXPECT_GE(k.smallest_time_step, Duration(1));
    const bool confirms = k.receipt == Receipt::count || k.receipt == Receipt::row;
    EXPECT_EQ(confirms, k.poll_every > Duration::zero() && k.poll_until > Duration::zero())
        << "polling and receipt level disagree";
  }

  /// prepare() twice and by another connector: the same text each time.
  std::optional<Item> prepare(const Conversion& conversion, const Revision& revision, const Sent* original) {
    const auto text = [](const Prepared& p) {
      const auto* item = std::get_if<Item>(&p);
      return item != nullptr ? dump(*item)
                             : "refused: " + std::get<Refusal>(p).reason + " " + std::get<Refusal>(p).detail;
    };
    const Prepared prepared = sink(good_).prepare(conversion, revision, good_.target(), original, case_.now);
    Rig other(case_);
    EXPECT_EQ(text(prepared), text(sink(good_).prepare(conversion, revision, good_.target(), original, case_.now)));
    EXPECT_EQ(text(prepared), text(sink(other).prepare(conversion, revision, other.target(), original, case_.now)));
    watch_.expect_clean(text(prepared), "an item or its refusal");
    if (const auto* refusal = std::get_if<Refusal>(&prepared)) {
      EXPECT_TRUE(is_code(refusal->reason)) << refusal->reason;
      return std::nullopt;
    }
    return std::get<Item>(prepared);
  }

  [[nodiscard]] Conversion conversion(int n) {
    Conversion c = case_.conversion ? case_.conversion() : sample(contract(), case_.now);
    c.dedup_id = "hw-" + sha256_base32("sample " + std::to_string(n));
    return c;
  }

  void prepare_items() {
    const std::size_t count = std::min<std::size_t>(3, contract().max_items);
    for (std::size_t n = 0; n < count; ++n) {
      const std::optional<Item> item = prepare(conversion(static_cast<int>(n)), Revision{.at = case_.now}, nullptr);
      if (!item) {
        ADD_FAILURE() << "the sample conversion is refused: give Case::conversion";
        return items_.clear();
      }
      EXPECT_FALSE(item->body.empty());
      EXPECT_FALSE(item->dedup_key.empty());
      EXPECT_FALSE(item->identifier_types.empty());
      EXPECT_GT(item->expires_at, case_.now);
      EXPECT_LT(item->not_before, item->expires_at);
      EXPECT_EQ(item->click_type.empty(), item->click_value.empty());
      items_.push_back(*item);
    }
    EXPECT_TRUE(std::all_of(items_.begin(), items_.end(), [&](const Item& i) { return i.group == items_[0].group; }))
        << "conversions that differ in their id alone fall into different groups";
  }

  void check_later_revisions() {
    const Conversion first_one = conversion(0);
    const Sent sent{.item = items_[0], .conversion_time = first_one.at, .accepted_at = case_.now - hours(12)};
    for (const Operation operation : contract().operations) {
      if (operation == Operation::upload) continue;
      SCOPED_TRACE(to_string(operation));
      prepare(first_one, Revision{.operation = operation, .number = 1, .at = case_.now}, &sent);
    }
  }

  void check_body() {
    for (const bool validate_only : {false, true}) {
      Rig other(case_);
      const std::string body = sink(good_).body(items_, good_.target(), validate_only);
      EXPECT_EQ(body, sink(good_).body(items_, good_.target(), validate_only));
      EXPECT_EQ(body, sink(other).body(items_, other.target(), validate_only));
      EXPECT_FALSE(body.empty());
      EXPECT_LE(body.size(), contract().max_bytes);
      watch_.expect_clean(body, "a request body");
    }
    EXPECT_EQ(good_.http.request_count(), 0U) << "prepare() and body() are pure";
  }

  void check_answer(const Answer& answer, std::size_t count) {
    EXPECT_EQ(answer.outcomes.size(), count);
    for (const Outcome& o : answer.outcomes) {
      EXPECT_TRUE(o.code.empty() || is_code(o.code)) << o.code;
      watch_.expect_clean(o.code + " " + o.detail, "an outcome");
    }
    watch_.expect_clean(answer.receipt, "a receipt");
  }

  void check_send(std::size_t count) {
    for (const bool validate_only : {false, true}) {
      Rig rig(case_);
      const Result<Answer> answer = sink(rig).send(first(count), rig.target(), validate_only, rig.context());
      ASSERT_TRUE(answer.has_value()) << answer.error().code << ": " << answer.error().detail;
      EXPECT_EQ(rig.http.request_count(), 1U) << "send() is one request";
      check_answer(*answer, count);
      for (const Outcome& o : answer->outcomes)
        EXPECT_TRUE(o.verdict == Verdict::accepted || o.verdict == Verdict::already_received)
            << to_string(o.verdict) << " " << o.code << " " << o.detail;
      if (!validate_only) answers_nothing_ = case_.good(rig.http.requests().front())->body.empty();
      if (contract().receipt != Receipt::none && !validate_only) {
        EXPECT_FALSE(answer->receipt.empty()) << "no receipt to confirm by";
        receipt_ = answer->receipt;
      }
    }
  }

  void check_faults(std::size_t count) {
    for (const Fault& fault : faults(case_.now)) {
      // Half of nothing is the whole answer.
      if (answers_nothing_ && fault.name == "half an answer") continue;
      SCOPED_TRACE(fault.name);
      Rig rig(case_);
      rig.break_request(0, fault);
      const Result<Answer> answer = sink(rig).send(first(count), rig.target(), false, rig.context());
      expect_no_second_try(rig.http, 0);
      if (!answer) {
        expect_classified(answer.error(), fault, watch_);
        EXPECT_TRUE(answer.error().maybe_applied || !fault.maybe_applied) << "the rows may have been applied";
        continue;
      }
      check_answer(*answer, count);
      for (const Outcome& o : answer->outcomes) expect_fits(o, fault);
    }
  }

  void check_stop() {
    Rig rig(case_);
    rig.stop();
    const Result<Answer> answer = sink(rig).send(first(1), rig.target(), false, rig.context());
    EXPECT_LE(rig.http.request_count(), 1U);
    ASSERT_FALSE(answer.has_value()) << "sent in spite of the stop";
    EXPECT_EQ(answer.error().action, Action::retry);
  }

  Result<std::vector<Confirmation>> confirm(Rig& rig) {
    const std::vector<std::string> receipts{receipt_};
    return sink(rig).confirm(receipts, rig.target(), rig.context());
  }

  void check_confirm() {
    if (receipt_.empty() || contract().receipt == Receipt::request) return;
    SCOPED_TRACE("confirm()");
    Rig rig(case_);
    const auto confirmed = confirm(rig);
    ASSERT_TRUE(confirmed.has_value()) << confirmed.error().code << ": " << confirmed.error().detail;
    for (const Confirmation& k : *confirmed) {
      EXPECT_EQ(k.receipt, receipt_) << "an answer about something that was not asked";
      for (const auto& [outcome, count] : k.refused)
        watch_.expect_clean(outcome.code + " " + outcome.detail, "a confirmation");
    }
    for (std::size_t nth = 0; nth < rig.http.request_count(); ++nth) check_broken_confirm(nth);
  }

  void check_broken_confirm(std::size_t nth) {
    for (const Fault& fault : faults(case_.now)) {
      SCOPED_TRACE(fault.name);
      Rig rig(case_);
      rig.break_request(nth, fault);
      const auto answer = confirm(rig);
      if (!answer) {
        expect_classified(answer.error(), fault, watch_);
        continue;
      }
      for (const Confirmation& k : *answer) EXPECT_FALSE(k.is_final) << "final, though nothing could be read";
    }
  }

  const Case& case_;
  const Watch& watch_;
  Rig good_;
  std::vector<Item> items_;
  std::string receipt_;
  bool answers_nothing_ = false;  ///< a good answer to a send has no body
};

}  // namespace

void check_sink_conformance(const Case& c) {
  check_declarations(c);
  if (testing::Test::HasFatalFailure()) return;
  const Watch watch(c);
  Rig rig(c);
  if (!rig.is_ready()) return;
  ASSERT_NE(rig->conversions(), nullptr) << "the connector has no sink with these options";
  EXPECT_TRUE(c.type.roles.contains("conversions"));
  SinkCheck(c, watch).run();
  check_online_conformance(c, watch);
}

}  // namespace hw::conformance
