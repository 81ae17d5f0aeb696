#include "connectors/hubspot/test_portal.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "connectors/hubspot/connector.h"

namespace hw::connectors::hubspot {

namespace {

sandbox::HttpRequest to_peer(const http::Request& request, const std::string& token) {
  sandbox::HttpRequest out;
  out.method = request.method;
  EXPECT_TRUE(request.url.starts_with(kBase)) << request.url;
  const std::string rest = request.url.substr(kBase.size());
  out.path = rest.substr(0, rest.find('?'));
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

}  // namespace

Result<http::Response> PeerHttp::send(const http::Request& request, std::stop_token) {
  requests.push_back(request);
  if (intercept)
    if (std::optional<http::Response> own = intercept(request)) return *own;
  const sandbox::HttpResponse answer = peer_->handle(to_peer(request, world_.sign_in.static_token));
  http::Response out;
  out.status = answer.status;
  for (const auto& [name, value] : answer.headers) out.headers.emplace_back(to_lower_ascii(name), value);
  out.body = answer.body;
  Duration wait{};
  for (const http::Lane& lane : request.lanes) wait = std::max(wait, Duration(lane.per / lane.requests));
  world_.now += wait;
  clock_.set(world_.now + clock_error);
  return out;
}

conformance::Overrides with_base(conformance::Overrides overrides) {
  overrides.emplace_back("credential", std::string("portal"));
  overrides.emplace_back("base_url", kBase);
  return overrides;
}

Portal::Portal(conformance::Overrides overrides, NamedFields fields)
    : overrides_(with_base(std::move(overrides))), fields_(std::move(fields)) {
  world.now = kStart;
  vocabulary_.identifiers.push_back({"gclid", connect::IdKind::click, "gclid", "google", "cpc", ""});
  restart();
}

void Portal::restart() {
  std::vector<connect::OptionError> errors;
  const connect::ConnectorType type = hubspot_type();
  connector_ = type.make(conformance::fill_defaults(type.options, overrides_), fields_,
                         connect::Env{http, clock, normaliser_, vocabulary_, "crm"}, errors);
  for (const connect::OptionError& e : errors) ADD_FAILURE() << to_string(e);
}

void Portal::pass(Duration d) {
  world.now += d;
  clock.set(world.now + http.clock_error);
}

Result<connect::Page<Record>> Portal::try_page(const std::string& stream, std::size_t limit) {
  return connector_->records()->pull(stream, cursors[stream], limit, {});
}

connect::Page<Record> Portal::page(const std::string& stream, std::size_t limit) {
  Result<connect::Page<Record>> got = try_page(stream, limit);
  if (!got) {
    ADD_FAILURE() << stream << ": " << got.error().code << " " << got.error().detail;
    return {};
  }
  cursors[stream] = got->next;
  return std::move(*got);
}

std::vector<Record> Portal::read(const std::string& stream, std::size_t limit) {
  std::vector<Record> rows;
  for (bool more = true; more && !::testing::Test::HasFailure();) {
    connect::Page<Record> got = page(stream, limit);
    std::move(got.rows.begin(), got.rows.end(), std::back_inserter(rows));
    for (const connect::RejectedRow& r : got.rejected) ADD_FAILURE() << r.where << " " << r.code << " " << r.detail;
    more = got.more;
    EXPECT_NE(more, got.sweep_complete);
  }
  return rows;
}

std::string Portal::contact(std::map<std::string, std::string> properties) {
  return world.crm.create("contacts", properties, world.now);
}
std::string Portal::deal(std::map<std::string, std::string> properties) {
  return world.crm.create("deals", properties, world.now);
}

std::vector<std::string> ids(const std::vector<RecordState>& states) {
  std::vector<std::string> out;
  for (const RecordState& s : states) out.push_back(s.ref.id);
  return out;
}

}  // namespace hw::connectors::hubspot
