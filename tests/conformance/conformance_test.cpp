#include "conformance/conformance.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/log.h"
#include "conformance/words.h"

// The suite is held against a small connector that keeps the contract, and against the same with one bug at a time: a
// check that no bug can fail would be worth nothing.
namespace hw::conformance {
namespace {

using namespace connect;

enum class Bug {
  none,
  shows_body,
  shows_email,
  shows_secret_in_log,
  hides_failure,
  tries_again,
  drops_wish,
  pauses_on_500,
  reads_half,
  ignores_stop,
  remembers,
  never_ends,
  no_help,
  short_unit,
  outcome_missing,
  impure_body,
  lost_answer_is_harmless,
  accepts_all,
  two_requests,
  follows_redirects,
};

Bug the_bug = Bug::none;
bool has(Bug bug) { return the_bug == bug; }

Error unreadable() {
  return {.action = Action::retry, .code = "unreadable", .detail = "the answer is not JSON", .maybe_applied = true};
}

/// The toy's own reading of a status, and of the body where there is one to read.
Error classify(const http::Response& r, SystemTime now) {
  Error e{.action = Action::retry, .code = "http_" + std::to_string(r.status), .detail = "the vendor refused"};
  e.maybe_applied = r.status >= 500;
  const bool is_redirect = r.status >= 300 && r.status < 400;
  if (is_redirect || r.status == 401 || r.status == 403 || (r.status == 500 && has(Bug::pauses_on_500)))
    e.action = Action::pause;
  if ((r.status == 429 || r.status == 503) && !has(Bug::drops_wish)) {
    for (const auto& [name, value] : r.headers) {
      if (name != "retry-after") continue;
      const bool in_seconds = value.find(' ') == std::string::npos;
      e.retry_after =
          in_seconds ? Duration(std::chrono::seconds(std::stoi(value))) : (kNow + std::chrono::seconds(17)) - now;
    }
  }
  if (has(Bug::shows_body)) e.detail += ": " + r.body;
  return e;
}

Result<nlohmann::json> ask(Env& env, const std::string& url, const Context& context, const std::string& body = "") {
  http::Request request;
  request.method = body.empty() ? "GET" : "POST";
  request.url = "https://crm.example.com" + url;
  request.body = body;
  const std::stop_token stop = has(Bug::ignores_stop) ? std::stop_token() : context.stop;
  Result<http::Response> r = env.http.send(request, stop);
  if (has(Bug::tries_again) && (!r || r->status >= 500)) r = env.http.send(request, stop);
  if (has(Bug::follows_redirects) && r && r->status == 302) {
    request.url = r->header("location");
    r = env.http.send(request, stop);
  }
  if (!r) return r.error();
  if (r->status != 200) return classify(*r, env.clock.system_now());
  nlohmann::json json = nlohmann::json::parse(r->body, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() && has(Bug::reads_half)) return nlohmann::json{{"leads", nlohmann::json::array()}};
  if (!json.is_object()) return unreadable();
  return json;
}

class ToySource final : public TouchSource {
 public:
  ToySource(Env env, Secret token) : env_(env), token_(std::move(token)) {}

  Result<std::vector<std::string>> streams(Context) override { return std::vector<std::string>{"leads"}; }

  Result<Page<Touch>> pull(std::string_view, const Cursor& cursor, std::size_t, Context context) override {
    if (has(Bug::shows_secret_in_log)) log_event(Level::debug, "signed_in", {{"token", token_.reveal()}});
    const Result<nlohmann::json> json = ask(env_, "/leads?after=" + cursor.text, context);
    if (!json && has(Bug::hides_failure)) return Page<Touch>{};
    if (!json) return json.error();
    Page<Touch> page;
    for (const auto& lead : json->value("leads", nlohmann::json::array())) page.rows.push_back(touch(lead));
    page.next.text = has(Bug::never_ends) ? cursor.text : json->value("next", "end");
    page.more = json->contains("next");
    page.sweep_complete = !page.more;
    return page;
  }

 private:
  Touch touch(const nlohmann::json& lead) {
    static int calls = 0;
    Touch t;
    t.key = lead.at("id");
    if (has(Bug::remembers)) t.key += std::to_string(++calls);
    if (has(Bug::shows_email)) t.source = lead.at("email");
    t.identifiers = env_.normaliser.identifiers({.email = lead.at("email")});
    return t;
  }

  Env env_;
  Secret token_;
};

class ToyLookup final : public TouchLookup {
 public:
  explicit ToyLookup(Env env) : env_(env) {}
  const LookupLimits& limits() const override { return limits_; }

  Result<Page<Touch>> lookup(std::span<const Identifier>, const Cursor&, Context context) override {
    const Result<nlohmann::json> json = ask(env_, "/history", context);
    if (!json && has(Bug::hides_failure)) return Page<Touch>{};
    if (!json) return json.error();
    Page<Touch> page;
    page.rows.emplace_back().key = "1";
    return page;
  }

 private:
  Env env_;
  LookupLimits limits_{.types = {"client"}};
};

class ToyWriter final : public SourceFieldWriter {
 public:
  explicit ToyWriter(Env env) : env_(env) {}
  std::size_t max_records() const override { return 10; }

  Result<std::vector<FieldValues>> current(std::span<const RecordRef> records, std::span<const std::string> fields,
                                           Context context) override {
    const Result<nlohmann::json> json = ask(env_, "/fields", context);
    if (!json && !has(Bug::hides_failure)) return json.error();
    std::vector<FieldValues> out;
    for (const RecordRef& ref : records) {
      out.push_back({.ref = ref, .values = {}});
      for (const std::string& name : fields) out.back().values[name] = "";
    }
    return out;
  }

  Result<Answer> write(std::span<const FieldValues> changes, Context context) override {
    const Result<nlohmann::json> json = ask(env_, "/write", context, R"({"rows":[]})");
    if (has(Bug::accepts_all)) return Answer{std::vector<Outcome>(changes.size()), ""};
    if (!json) {
      Error e = json.error();
      if (has(Bug::lost_answer_is_harmless)) e.maybe_applied = false;
      return e;
    }
    return Answer{std::vector<Outcome>(changes.size()), ""};
  }

 private:
  Env env_;
};

class ToySink final : public ConversionSink {
 public:
  explicit ToySink(Env env) : env_(env) {
    contract_.form = "toy";
    contract_.operations = {Operation::upload, Operation::restate};
    contract_.restate_up = true;
    contract_.max_items = 10;
    contract_.receipt = Receipt::count;
    contract_.click_types = {"toyclid"};
    contract_.click_window = std::chrono::hours(24 * 90);
    contract_.hash_forms = {"email"};
    contract_.poll_every = contract_.poll_until = std::chrono::hours(1);
  }

  const Contract& contract() const override { return contract_; }

  std::variant<Item, Refusal> prepare(const Conversion& c, const Revision&, const Target&, const Sent*,
                                      Timestamp) const override {
    if (c.clicks.empty()) return Refusal{.reason = "no_identifier", .detail = "no click"};
    return Item{.body = nlohmann::json{{"id", c.dedup_id}, {"click", c.clicks[0].value}}.dump(),
                .dedup_key = c.dedup_id,
                .group = "all",
                .not_before = c.at,
                .expires_at = c.clicks[0].at + contract_.click_window,
                .click_type = c.clicks[0].type,
                .click_value = c.clicks[0].value,
                .identifier_types = {"toyclid"}};
  }

  std::string body(std::span<const Item> items, const Target&, bool validate_only) const override {
    static int calls = 0;
    std::string out = validate_only ? R"({"test":true,"rows":[)" : R"({"rows":[)";
    for (const Item& i : items) out += i.body + (&i == &items.back() ? "" : ",");
    if (has(Bug::impure_body)) out += std::to_string(++calls);
    return out + "]}";
  }

  Result<Answer> send(std::span<const Item> items, const Target& target, bool validate_only, Context context) override {
    if (has(Bug::two_requests)) (void)ask(env_, "/ready", context);
    const Result<nlohmann::json> json = ask(env_, "/convert", context, body(items, target, validate_only));
    if (has(Bug::accepts_all)) return Answer{std::vector<Outcome>(items.size()), "r-1"};
    if (!json) {
      Error e = json.error();
      if (has(Bug::lost_answer_is_harmless)) e.maybe_applied = false;
      return e;
    }
    return Answer{std::vector<Outcome>(items.size() - (has(Bug::outcome_missing) ? 1 : 0)), json->at("receipt")};
  }

  Result<std::vector<Confirmation>> confirm(std::span<const std::string> receipts, const Target&,
                                            Context context) override {
    const Result<nlohmann::json> json = ask(env_, "/status", context);
    if (!json) return json.error();
    return std::vector<Confirmation>{
        {.receipt = receipts[0], .is_final = true, .accepted = 1, .refused = {}, .rows = {}}};
  }

 private:
  Env env_;
  Contract contract_;
};

class Toy final : public Connector {
 public:
  Toy(Env env, const Secret& token) : env_(env), source_(env, token), lookup_(env), writer_(env), sink_(env) {}
  TouchSource* touches() override { return &source_; }
  TouchLookup* lookup() override { return &lookup_; }
  SourceFieldWriter* source_fields() override { return &writer_; }
  ConversionSink* conversions() override { return &sink_; }

  Result<std::vector<Finding>> check_online(const References&, Context context) override {
    const Result<nlohmann::json> json = ask(env_, "/me", context);
    if (!json) return json.error();
    return std::vector<Finding>{{.severity = Finding::Severity::ok, .subject = "sign-in", .message = "works"}};
  }
  Result<std::vector<RemoteObject>> discover(Context) override { return std::vector<RemoteObject>{}; }

 private:
  Env env_;
  ToySource source_;
  ToyLookup lookup_;
  ToyWriter writer_;
  ToySink sink_;
};

std::vector<OptionDecl> toy_options() {
  return {{.name = "token",
           .type = OptionType::secret,
           .help = has(Bug::no_help) ? "" : "the vendor's access token",
           .required = true},
          {.name = has(Bug::short_unit) ? "pause_ms" : "pause",
           .type = OptionType::duration,
           .help = "wait between pulls",
           .default_value = "30s"}};
}

ConnectorType toy_type() {
  ConnectorType t;
  t.name = "toy";
  t.title = "Toy";
  t.roles = {"touches", "source_fields", "conversions"};
  t.options = toy_options();
  t.make = [](const Options& options, const std::vector<std::pair<Object, std::string>>&, Env env,
              std::vector<OptionError>&) -> std::unique_ptr<Connector> {
    return std::make_unique<Toy>(env, options.secret("token"));
  };
  t.check = [](const Options&, std::vector<OptionError>&) {};
  return t;
}

http::Response toy_vendor(const http::Request& r) {
  if (r.url.ends_with("/leads?after="))
    return json(200, R"({"leads":[{"id":"1","email":"jane@example.com"}],"next":"2"})");
  if (r.url.ends_with("/leads?after=2")) return json(200, R"({"leads":[{"id":"2","email":"john@example.com"}]})");
  return json(200, R"({"receipt":"r-1","state":"done"})");
}

Case toy_case() {
  return {.type = toy_type(),
          .options =
              [] {
                return fill_defaults(toy_options(), {{"token", Secret("tok-4711")}});
              },
          .good = toy_vendor,
          .personal = {"jane@example.com", "john@example.com"},
          .asked = {{"client", "a.1"}},
          .changes = {{{"crm", Object::contact, "1"}, {{"source", "google"}}}}};
}

/// All failures of `check` on the toy with one bug, as one text.
std::string failures(Bug bug, void (*check)(const Case&)) {
  the_bug = bug;
  testing::TestPartResultArray results;
  {
    testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    check(toy_case());
  }
  the_bug = Bug::none;
  std::string out;
  for (int i = 0; i < results.size(); ++i) {
    if (!results.GetTestPartResult(i).passed()) out += std::string(results.GetTestPartResult(i).message()) + "\n";
  }
  return out;
}

TEST(Conformance, AConnectorThatKeepsTheContractPasses) {
  check_source_conformance(toy_case());
  check_sink_conformance(toy_case());
  check_writer_conformance(toy_case());
}

struct BugCase {
  const char* name;
  Bug bug;
  void (*check)(const Case&);
  const char* told;
};

class ConformanceBug : public testing::TestWithParam<BugCase> {};

TEST_P(ConformanceBug, IsFoundAndNamed) {
  const std::string told = failures(GetParam().bug, GetParam().check);
  EXPECT_NE(told.find(GetParam().told), std::string::npos) << told;
}

INSTANTIATE_TEST_SUITE_P(
    Source, ConformanceBug,
    testing::Values(
        BugCase{"shows_body", Bug::shows_body, check_source_conformance, "gives 'zq-body-canary' away"},
        BugCase{"shows_email", Bug::shows_email, check_source_conformance, "a row gives 'jane@example.com' away"},
        BugCase{"shows_secret", Bug::shows_secret_in_log, check_source_conformance, "a log line gives 'tok-4711' away"},
        BugCase{"hides_failure", Bug::hides_failure, check_source_conformance, "the failure was hidden"},
        BugCase{"tries_again", Bug::tries_again, check_source_conformance, "the connector itself tried again"},
        BugCase{"drops_wish", Bug::drops_wish, check_source_conformance, "the server's wish to wait was dropped"},
        BugCase{"pauses_on_500", Bug::pauses_on_500, check_source_conformance, "classified as pause"},
        BugCase{"reads_half", Bug::reads_half, check_source_conformance, "the failure was hidden"},
        BugCase{"hides_failure_of_lookup", Bug::hides_failure, check_source_conformance, "lookup()"},
        BugCase{"follows_redirects", Bug::follows_redirects, check_source_conformance,
                "followed a redirect to another host"},
        BugCase{"ignores_stop", Bug::ignores_stop, check_source_conformance, "a page in spite of the stop"},
        BugCase{"remembers", Bug::remembers, check_source_conformance, "the same cursor gave other rows"},
        BugCase{"never_ends", Bug::never_ends, check_source_conformance, "this never ends"},
        BugCase{"no_help", Bug::no_help, check_source_conformance, "has no help"},
        BugCase{"short_unit", Bug::short_unit, check_source_conformance, "carries a shortened unit"}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Sink, ConformanceBug,
    testing::Values(
        BugCase{"outcome_missing", Bug::outcome_missing, check_sink_conformance, "answer.outcomes.size()"},
        BugCase{"impure_body", Bug::impure_body, check_sink_conformance, "sink(good_).body("},
        BugCase{"lost_answer", Bug::lost_answer_is_harmless, check_sink_conformance, "the rows may have been applied"},
        BugCase{"accepts_all", Bug::accepts_all, check_sink_conformance, "the row counts as accepted"},
        BugCase{"two_requests", Bug::two_requests, check_sink_conformance, "send() is one request"},
        BugCase{"drops_wish", Bug::drops_wish, check_sink_conformance, "the server's wish to wait was dropped"},
        BugCase{"ignores_stop", Bug::ignores_stop, check_sink_conformance, "sent in spite of the stop"},
        BugCase{"tries_again", Bug::tries_again, check_sink_conformance, "the connector itself tried again"}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Writer, ConformanceBug,
    testing::Values(
        BugCase{"hides_failure", Bug::hides_failure, check_writer_conformance, "the failure was hidden"},
        BugCase{"lost_answer", Bug::lost_answer_is_harmless, check_writer_conformance,
                "the records may have been written"},
        BugCase{"accepts_all", Bug::accepts_all, check_writer_conformance, "the row counts as accepted"},
        BugCase{"ignores_stop", Bug::ignores_stop, check_writer_conformance, "written in spite of the stop"},
        BugCase{"tries_again", Bug::tries_again, check_writer_conformance, "the connector itself tried again"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Words, SayAllThatTheCoreActsOn) {
  Outcome o{.verdict = Verdict::retry, .scope = Scope::request, .code = "http_503", .detail = "", .after = {}};
  EXPECT_EQ(words(o), "retry(request) http_503");
  o.after = std::chrono::seconds(17);
  o.maybe_applied = true;
  o.spends_attempt = false;
  EXPECT_EQ(words(o), "retry(request) http_503, after 17 s, maybe applied, free");
  EXPECT_EQ(words(Outcome{}), "accepted");
  EXPECT_EQ(words(Error{.action = Action::pause, .code = "http_401", .detail = ""}), "pause http_401");
}

TEST(FillDefaults, ReadsDefaultsAsAPersonWritesThem) {
  const Options o = fill_defaults({{.name = "t", .type = OptionType::text, .default_value = "x"},
                                   {.name = "i", .type = OptionType::integer, .default_value = "5"},
                                   {.name = "b", .type = OptionType::boolean, .default_value = "true"},
                                   {.name = "d", .type = OptionType::duration, .default_value = "2h"},
                                   {.name = "s", .type = OptionType::size, .default_value = "64KiB"},
                                   {.name = "p", .type = OptionType::percent, .default_value = "20%"},
                                   {.name = "l", .type = OptionType::text_list, .default_value = "a, b"},
                                   {.name = "m", .type = OptionType::text_map, .default_value = "{k: v}"},
                                   {.name = "absent"}},
                                  {{"t", "given"}});
  EXPECT_EQ(o.text("t"), "given");
  EXPECT_EQ(o.integer("i"), 5);
  EXPECT_TRUE(o.boolean("b"));
  EXPECT_EQ(o.duration("d"), std::chrono::hours(2));
  EXPECT_EQ(o.integer("s"), 65536);
  EXPECT_EQ(o.integer("p"), 200'000);
  EXPECT_EQ(o.list("l"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(o.map("m").at(0).second, "v");
  EXPECT_FALSE(o.has("absent"));
  EXPECT_EQ(o.mark("d").line, 4);
  EXPECT_THROW(fill_defaults({}, {{"unknown", "x"}}), std::invalid_argument);
  EXPECT_THROW(fill_defaults({{.name = "d", .type = OptionType::duration, .default_value = "soon"}}),
               std::invalid_argument);
}

TEST(FakeHttp, ReplaysItsScriptThenAsksTheHandlerAndRecordsEverything) {
  FakeHttp http([](const http::Request& r) { return json(200, r.url); });
  http.then(json(500, "broken")).then(Error{.action = Action::retry, .code = "reset", .detail = "cut"});
  http::Request request;
  request.url = "https://a.example.com";
  EXPECT_EQ(http.send(request, {})->status, 500);
  EXPECT_EQ(http.send(request, {}).error().code, "reset");
  EXPECT_EQ(http.send(request, {})->body, "https://a.example.com");
  std::stop_source stop;
  stop.request_stop();
  request.url = "https://b.example.com";
  EXPECT_EQ(http.send(request, stop.get_token()).error().code, "stopped");
  ASSERT_EQ(http.request_count(), 4U);
  EXPECT_EQ(http.requests()[3].url, "https://b.example.com");
}

}  // namespace
}  // namespace hw::conformance
