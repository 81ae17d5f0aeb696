#include "connectors/ga4_bigquery/test_export.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/ga4_bigquery/config.h"
#include "connectors/ga4_bigquery/connector.h"

namespace hw::connectors::ga4_bigquery {

namespace {

sandbox::HttpRequest to_peer(const http::Request& request, const std::string& token) {
  sandbox::HttpRequest out;
  out.method = request.method;
  EXPECT_TRUE(request.url.starts_with(kBase)) << request.url;
  const std::string rest = request.url.substr(kBase.size());
  out.path = percent_decode(rest.substr(0, rest.find('?')));
  if (const std::size_t q = rest.find('?'); q != std::string::npos)
    for (std::string_view pair : split(std::string_view(rest).substr(q + 1), '&')) {
      const std::size_t eq = pair.find('=');
      out.query[percent_decode(pair.substr(0, eq))] = percent_decode(pair.substr(eq + 1));
    }
  for (const auto& [name, value] : request.headers) out.headers[to_lower_ascii(name)] = value;
  out.headers["authorization"] = "Bearer " + token;
  out.body = request.body;
  return out;
}

std::string http_date(Timestamp t) {
  const std::time_t at = to_micros(t) / 1'000'000;
  std::tm utc{};
  ::gmtime_r(&at, &utc);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc)};
}

}  // namespace

Status PeerHttp::sign_in(const http::Auth& auth, std::stop_token) {
  EXPECT_EQ(auth.scope, "https://www.googleapis.com/auth/bigquery");
  const sandbox::SignIn& s = world_.sign_in;
  const auto answer = peer_->handle({.method = "POST",
                                     .path = "/token",
                                     .query = {},
                                     .headers = {},
                                     .body = "grant_type=refresh_token&client_id=" + s.client_id +
                                             "&client_secret=" + s.client_secret + "&refresh_token=sandbox-refresh"});
  if (answer.status != 200) return Error{Action::pause, "credential", "refused", {}, false};
  token_ = nlohmann::json::parse(answer.body)["access_token"];
  return {};
}

Result<http::Response> PeerHttp::send(const http::Request& request, std::stop_token stop) {
  if (Status in = sign_in(request.auth, stop); !in) return in.error();
  requests.push_back(request);
  if (intercept)
    if (std::optional<http::Response> own = intercept(request)) return *own;
  const sandbox::HttpResponse answer = peer_->handle(to_peer(request, token_));
  http::Response out;
  out.status = answer.status;
  for (const auto& [name, value] : answer.headers) out.headers.emplace_back(to_lower_ascii(name), value);
  out.headers.emplace_back("date", http_date(world_.now));
  out.body = answer.body;
  return out;
}

conformance::Overrides with_base(conformance::Overrides overrides) {
  overrides.emplace_back("credential", std::string("google"));
  overrides.emplace_back("project", std::string("sandbox-analytics"));
  overrides.emplace_back("dataset", std::string("analytics_123456789"));
  overrides.emplace_back("time_zone", std::string("Europe/Berlin"));
  overrides.emplace_back("base_url", kBase);
  return overrides;
}

connect::Vocabulary test_vocabulary() {
  connect::Vocabulary v = vocabulary();
  v.identifiers.push_back({"msclkid", connect::IdKind::click, "msclkid", "bing", "cpc", ""});
  v.identifiers.push_back({"fbclid", connect::IdKind::click, "fbclid", "facebook", "", ""});
  return v;
}

Property::Property(conformance::Overrides overrides) : overrides_(with_base(std::move(overrides))) {
  world.now = kStart;
  restart();
}

void Property::restart() {
  std::vector<connect::OptionError> errors;
  const connect::ConnectorType type = ga4_bigquery_type();
  connector_ = type.make(conformance::fill_defaults(type.options, overrides_), {},
                         connect::Env{http, clock, normaliser_, vocabulary_, "ga4"}, errors);
  for (const connect::OptionError& e : errors) ADD_FAILURE() << to_string(e);
}

void Property::configure(conformance::Overrides overrides) {
  overrides_ = with_base(std::move(overrides));
  restart();
}

void Property::pass(Duration d) {
  world.now += d;
  clock.set(world.now + clock_error);
}

Result<connect::Page<Touch>> Property::try_page(std::size_t limit) {
  return connector_->touches()->pull("sessions", cursor, limit, {});
}

connect::Page<Touch> Property::page(std::size_t limit) {
  auto got = try_page(limit);
  if (!got) {
    ADD_FAILURE() << got.error().code << " " << got.error().detail;
    return {};
  }
  cursor = got->next;
  hold(*got);
  for (const connect::RejectedRow& r : got->rejected) ADD_FAILURE() << r.where << " " << r.code;
  return std::move(*got);
}

void Property::hold(const connect::Page<Touch>& page) {
  for (const Touch& t : page.rows) {
    held[t.key] = {t, page.partition.value_or("")};
    seen_.insert(t.key);
  }
  if (!page.partition_ends) return;
  std::erase_if(held, [&](const auto& h) { return h.second.partition == *page.partition && !seen_.contains(h.first); });
  seen_.clear();
}

std::vector<Touch> Property::read(std::size_t limit) {
  std::vector<Touch> rows;
  for (int pages = 0; pages < 2'000 && !::testing::Test::HasFailure(); ++pages) {
    connect::Page<Touch> got = page(limit);
    std::move(got.rows.begin(), got.rows.end(), std::back_inserter(rows));
    if (got.again_in) pass(*got.again_in);
    if (!got.more && !got.again_in) {
      EXPECT_TRUE(got.sweep_complete);
      return rows;
    }
  }
  ADD_FAILURE() << "not read through";
  return rows;
}

Result<std::vector<Touch>> Property::try_look_up(const std::vector<Identifier>& ids) {
  std::vector<Touch> rows;
  connect::Cursor at;
  for (int pages = 0; pages < 200; ++pages) {
    auto got = connector_->lookup()->lookup(ids, at, {});
    if (!got) return got.error();
    std::move(got->rows.begin(), got->rows.end(), std::back_inserter(rows));
    if (got->again_in) pass(*got->again_in);
    if (!got->more && !got->again_in) return rows;
    at = got->next;
  }
  return Error{Action::retry, "endless", "the look-up does not end", {}, false};
}

std::vector<Touch> Property::look_up(const std::vector<Identifier>& ids) {
  auto rows = try_look_up(ids);
  EXPECT_TRUE(rows) << rows.error().code << " " << rows.error().detail;
  return rows ? *rows : std::vector<Touch>{};
}

sandbox::AnalyticsEvent& Property::visit(const std::string& client, Duration ago, const std::string& page,
                                         std::map<std::string, std::string> collected) {
  sandbox::AnalyticsEvent e;
  e.at = world.now - ago;
  e.client = client;
  e.session = to_micros(e.at) / 1'000'000;
  e.session_number = 2;
  e.page = page;
  e.country = "DE";
  e.collected = std::move(collected);
  sandbox::AnalyticsEvent view = e;
  view.at += std::chrono::seconds(1);
  e.name = "session_start";
  auto& events = world.analytics.events;
  events.reserve(events.size() + 2);
  events.push_back(e);
  events.push_back(view);
  return events[events.size() - 2];
}

std::vector<std::string> Property::run_texts() const {
  std::vector<std::string> out;
  for (const http::Request& r : http.requests) {
    if (r.method != "POST") continue;
    const auto j = nlohmann::json::parse(r.body);
    if (!j.value("dryRun", false)) out.push_back(j["query"]);
  }
  return out;
}

std::size_t Property::runs() const { return run_texts().size(); }

std::string value_of(const Touch& touch, const std::string& type) {
  for (const Identifier& id : touch.identifiers)
    if (id.type == type) return id.value;
  return "";
}

const Touch* find(const std::vector<Touch>& touches, const std::string& client) {
  const auto it = std::find_if(touches.begin(), touches.end(),
                               [&](const Touch& t) { return value_of(t, "ga_client_id") == client; });
  return it == touches.end() ? nullptr : &*it;
}

}  // namespace hw::connectors::ga4_bigquery
