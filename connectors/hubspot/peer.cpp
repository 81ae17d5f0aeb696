#include "connectors/hubspot/peer.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>

#include "base/text.h"
#include "connectors/hubspot/peer_answer.h"
#include "connectors/hubspot/peer_portal.h"
#include "connectors/hubspot/peer_search.h"
#include "connectors/hubspot/peer_sign_in.h"
#include "connectors/hubspot/peer_update.h"

namespace hw::sandbox {

namespace hubspot {
namespace {

using std::chrono::seconds;

constexpr std::string_view kVersion = "2026-09";
constexpr std::string_view kCompanyCurrency = "EUR";
constexpr auto kArchivedKept = std::chrono::hours(24 * 90);
constexpr std::size_t kTiesPerPage = 2;

/// A rolling limit.
struct Window {
  std::size_t requests;
  seconds per;
  std::string policy;
  std::deque<Timestamp> taken{};

  bool take(Timestamp now) {
    while (!taken.empty() && taken.front() <= now - per) taken.pop_front();
    if (taken.size() >= requests) return false;
    taken.push_back(now);
    return true;
  }
};

[[noreturn]] void refuse(std::string message) { throw Refused{.status = 400, .message = std::move(message)}; }

[[noreturn]] void too_many(const std::string& policy) {
  throw Refused{.status = 429,
                .category = "RATE_LIMITS",
                .message = fmt::format("You have reached your {} limit.", to_lower_ascii(policy)),
                .more = {{"errorType", "RATE_LIMIT"}, {"policyName", policy}}};
}

class HubspotPeer final : public Peer {
 public:
  explicit HubspotPeer(World& world) : world_(world) {}

  std::string name() const override { return "hubspot"; }
  void advance(Timestamp) override {}
  HttpResponse handle(const HttpRequest& request) override;
  std::vector<WrittenField> written() const override { return written_fields(world_); }

 private:
  HttpResponse serve(const HttpRequest& request);
  json route(const HttpRequest& request, int& status);
  json objects(const HttpRequest& request, const std::vector<std::string>& path, int& status);
  json list(const HttpRequest& request, const std::string& type) const;
  json batch_read(const HttpRequest& request, const std::string& type, int& status) const;
  json history(const CrmObject& o, const std::vector<std::string>& names, const std::vector<Property>& all) const;
  json ties(const HttpRequest& request, const std::string& from, const std::string& to, int& status) const;
  json ties_of(const std::string& from, const std::string& id, const std::string& to, std::size_t start) const;
  json properties(const std::string& type) const;
  json pipelines() const;
  json batch(json results, json errors, int& status) const;
  void want_scope(const std::string& scope) const;

  World& world_;
  Window general_{190, seconds(10), "TEN_SECONDLY_ROLLING"};
  Window search_{5, seconds(1), "SECONDLY"};
  SignInDesk sign_in_{world_};
  std::uint64_t answers_ = 0;
};

HttpResponse HubspotPeer::handle(const HttpRequest& request) {
  ++answers_;
  HttpResponse response;
  try {
    response = serve(request);
  } catch (const Refused& refused) {
    response = answer(refused, answers_);
  }
  response.headers.emplace_back("Date", http_date(world_.now));
  return response;
}

HttpResponse HubspotPeer::serve(const HttpRequest& request) {
  if (request.path == fmt::format("/oauth/{}/token", kVersion)) return sign_in_.grant(request);
  if (request.path == "/oauth/authorize") return sign_in_.consent_page(request);
  sign_in_.check(request);
  const bool is_search = request.path.ends_with("/search");
  if (!general_.take(world_.now)) too_many(general_.policy);
  if (is_search && !search_.take(world_.now)) too_many(search_.policy);
  int status = 200;
  const json body = route(request, status);
  HttpResponse response = answer(status, body);
  if (is_search) return response;  // searches carry no rate headers
  response.headers.emplace_back("X-HubSpot-RateLimit-Interval-Milliseconds", "10000");
  response.headers.emplace_back("X-HubSpot-RateLimit-Max", std::to_string(general_.requests));
  response.headers.emplace_back("X-HubSpot-RateLimit-Remaining",
                                std::to_string(general_.requests - general_.taken.size()));
  return response;
}

// --------------------------------------------------------------------------------------------- routing

void want(const HttpRequest& request, std::string_view method) {
  if (request.method != method) throw Refused{.status = 405, .category = "", .message = "Method Not Allowed"};
}

json HubspotPeer::route(const HttpRequest& request, int& status) {
  std::vector<std::string> path;
  for (std::string_view part : split(request.path, '/')) path.emplace_back(part);
  const std::string tree = path.size() > 3 ? path[1] + "/" + path[2] : "";
  if (path.size() > 3 && path[3] == kVersion) {
    if (tree == "crm/objects" && path.size() > 4 && is_object_type(path[4])) return objects(request, path, status);
    if (tree == "crm/associations" && path.size() == 8 && is_object_type(path[4]) && is_object_type(path[5]) &&
        path[6] == "batch" && path[7] == "read")
      return want(request, "POST"), ties(request, path[4], path[5], status);
    if (tree == "crm/properties" && path.size() == 5 && is_object_type(path[4]))
      return want(request, "GET"), allow_query(request, {"archived"}), properties(path[4]);
    if (tree == "crm/pipelines" && path.size() == 5 && path[4] == "deals")
      return want(request, "GET"), allow_query(request, {}), pipelines();
    if (tree == "settings/currencies" && path.size() == 5 && path[4] == "company-currency")
      return want(request, "GET"), allow_query(request, {}), json{{"currencyCode", kCompanyCurrency}};
  }
  throw Refused{.status = 404, .category = "OBJECT_NOT_FOUND", .message = "resource not found"};
}

json HubspotPeer::objects(const HttpRequest& request, const std::vector<std::string>& path, int& status) {
  const bool writes = path.size() == 7 && path[6] == "update";
  want_scope(fmt::format("crm.objects.{}.{}", path[4], writes ? "write" : "read"));
  if (path.size() == 5) return want(request, "GET"), list(request, path[4]);
  if (path.size() == 6 && path[5] == "search") return want(request, "POST"), search(world_, path[4], request);
  if (path.size() == 7 && path[5] == "batch" && path[6] == "read")
    return want(request, "POST"), batch_read(request, path[4], status);
  if (writes && path[5] == "batch") {
    want(request, "POST");
    BatchAnswer done = update(world_, path[4], request);
    return batch(std::move(done.results), std::move(done.errors), status);
  }
  throw Refused{.status = 404, .category = "OBJECT_NOT_FOUND", .message = "resource not found"};
}

void HubspotPeer::want_scope(const std::string& scope) const {
  if (!world_.sign_in.withheld_scopes.contains(scope)) return;
  const std::string message =
      "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: "
      "https://developers.hubspot.com/scopes.";
  throw Refused{.status = 403,
                .category = "MISSING_SCOPES",
                .message = message,
                .more = {{"errors", json::array({{{"message", "One or more of the following scopes are required."},
                                                  {"context", {{"requiredGranularScopes", {scope}}}}}})}}};
}

// --------------------------------------------------------------------------------------------- records

json HubspotPeer::list(const HttpRequest& request, const std::string& type) const {
  allow_query(request, {"limit", "after", "properties", "propertiesWithHistory", "archived"});
  const std::vector<std::string> histories = query_list(request, "propertiesWithHistory");
  const std::size_t limit = query_size(request, "limit", 10, histories.empty() ? 100 : 50);
  const std::string after = query_or(request, "after", "0");
  number_of(after, "after");
  const bool archived = query_flag(request, "archived");
  const std::vector<Property> all = properties_of(world_, type);
  std::vector<const CrmObject*> found;
  if (auto objects = world_.crm.objects().find(type); objects != world_.crm.objects().end())
    for (const auto& [id, o] : objects->second) {
      const bool shown =
          archived ? o.archived && o.merged_into.empty() && o.archived_at && *o.archived_at + kArchivedKept > world_.now
                   : is_live(o);
      if (shown && id_before(after, id)) found.push_back(&o);
    }
  std::sort(found.begin(), found.end(), [](const CrmObject* a, const CrmObject* b) { return id_before(a->id, b->id); });
  const bool more = found.size() > limit;
  if (more) found.resize(limit);
  json results = json::array();
  for (const CrmObject* o : found) {
    results.push_back(record_of(*o, query_list(request, "properties"), all, world_.now));
    if (!histories.empty()) results.back()["propertiesWithHistory"] = history(*o, histories, all);
  }
  json out = {{"results", std::move(results)}};
  if (more)
    out["paging"] = {{"next",
                      {{"after", found.back()->id},
                       {"link", "https://api.hubapi.com" + request.path + "?after=" + found.back()->id}}}};
  return out;
}

json HubspotPeer::batch(json results, json errors, int& status) const {
  const std::string now = iso_millis(world_.now);
  json out = {{"status", "COMPLETE"}, {"results", std::move(results)}, {"startedAt", now}, {"completedAt", now}};
  if (errors.empty()) return out;
  status = 207;
  out["numErrors"] = errors.size();
  out["errors"] = std::move(errors);
  return out;
}

json HubspotPeer::batch_read(const HttpRequest& request, const std::string& type, int& status) const {
  allow_query(request, {"archived"});
  const bool archived = query_flag(request, "archived");
  const json body = object_body(request, {"inputs", "properties", "propertiesWithHistory"},
                                {"inputs", "properties", "propertiesWithHistory", "idProperty"});
  if (body.contains("idProperty") && body["idProperty"] != "hs_object_id")
    refuse("idProperty names no unique property");
  const std::vector<std::string> names = strings_of(body["properties"], "properties");
  const std::vector<std::string> histories = strings_of(body["propertiesWithHistory"], "propertiesWithHistory");
  const std::size_t largest = histories.empty() ? 100 : 50;
  if (array_of(body["inputs"], "inputs").size() > largest) refuse(fmt::format("at most {} inputs", largest));
  const std::vector<Property> all = properties_of(world_, type);
  json results = json::array();
  json missing = json::array();
  std::set<std::string> seen;
  for (const json& input : body["inputs"]) {
    check_members(input, {"id"}, {"id"}, "an input");
    const std::string& id = string_of(input["id"], "id");
    if (!seen.insert(id).second) continue;
    const CrmObject* o = world_.crm.find(type, id);
    if (o == nullptr || !o->merged_into.empty() || o->archived != archived) {
      missing.push_back(id);
      continue;
    }
    results.push_back(record_of(*o, names, all, world_.now));
    if (!histories.empty()) results.back()["propertiesWithHistory"] = history(*o, histories, all);
  }
  json errors = json::array();
  if (!missing.empty())
    errors.push_back({{"status", "error"},
                      {"category", "OBJECT_NOT_FOUND"},
                      {"message", "Could not get some objects, they may be deleted or not exist."},
                      {"context", {{"ids", missing}}}});
  return batch(std::move(results), std::move(errors), status);
}

/// Newest first; only so many versions are kept.
json HubspotPeer::history(const CrmObject& o, const std::vector<std::string>& names,
                          const std::vector<Property>& all) const {
  const std::size_t kept = o.type == "contacts" ? 45 : 20;
  json out = json::object();
  for (const std::string& name : names) {
    const Property* p = find_property(all, name);
    if (p == nullptr) continue;
    json versions = json::array();
    if (auto it = o.properties.find(p->neutral); !p->neutral.empty() && it != o.properties.end()) {
      for (auto v = it->second.rbegin(); v != it->second.rend() && versions.size() < kept; ++v)
        versions.push_back({{"value", translated(o.type, p->neutral, v->value)},
                            {"timestamp", iso_millis(v->at)},
                            {"sourceType", v->source},
                            {"sourceId", "userId:1"}});
    }
    out[name] = std::move(versions);
  }
  return out;
}

// ------------------------------------------------------------------------------------------------ ties

json type_of(const char* category, int id, const char* label) {
  return {{"category", category}, {"typeId", id}, {"label", label == nullptr ? json(nullptr) : json(label)}};
}

json association_types(const std::string& from, const std::string& to, bool primary) {
  const std::string pair = from + ">" + to;
  const std::map<std::string, int> plain = {{"deals>contacts", 3},       {"contacts>deals", 4},
                                            {"deals>companies", 341},    {"companies>deals", 342},
                                            {"contacts>companies", 279}, {"companies>contacts", 280}};
  json types = json::array({type_of("HUBSPOT_DEFINED", plain.contains(pair) ? plain.at(pair) : 450, nullptr)});
  if (!primary) return types;
  if (pair == "deals>companies") types.push_back(type_of("HUBSPOT_DEFINED", 5, "Primary"));
  if (pair == "contacts>companies") types.push_back(type_of("HUBSPOT_DEFINED", 1, "Primary"));
  // HubSpot has no primary contact of a deal: this portal's admin made a label for it.
  if (pair == "deals>contacts") types.push_back(type_of("USER_DEFINED", 28, "Primary contact"));
  return types;
}

json HubspotPeer::ties_of(const std::string& from, const std::string& id, const std::string& to,
                          std::size_t start) const {
  json list = json::array();
  std::size_t passed = 0;
  bool more = false;
  for (const CrmTie& tie : world_.crm.ties()) {
    const bool forward = tie.from_type == from && tie.from_id == id && tie.to_type == to;
    const bool backward = tie.to_type == from && tie.to_id == id && tie.from_type == to;
    if (!forward && !backward) continue;
    const std::string& other = forward ? tie.to_id : tie.from_id;
    const CrmObject* o = world_.crm.find(to, other);
    if (o == nullptr || !is_live(*o) || passed++ < start) continue;
    if (list.size() == kTiesPerPage) {
      more = true;
      break;
    }
    list.push_back({{"toObjectId", other}, {"associationTypes", association_types(from, to, tie.primary)}});
  }
  json out = {{"from", {{"id", id}}}, {"to", list}};
  if (more) out["paging"] = {{"next", {{"after", std::to_string(start + kTiesPerPage)}}}};
  return out;
}

json HubspotPeer::ties(const HttpRequest& request, const std::string& from, const std::string& to, int& status) const {
  allow_query(request, {});
  const json body = object_body(request, {"inputs"}, {"inputs"});
  if (array_of(body["inputs"], "inputs").size() > 1000) refuse("at most 1000 inputs");
  json results = json::array();
  json errors = json::array();
  for (const json& input : body["inputs"]) {
    check_members(input, {"id"}, {"id", "after"}, "an input");
    const std::string& id = string_of(input["id"], "id");
    const std::int64_t start = input.contains("after") ? number_of(string_of(input["after"], "after"), "after") : 0;
    if (start < 0) refuse("after is negative");
    const CrmObject* o = world_.crm.find(from, id);
    json one = o != nullptr && is_live(*o) ? ties_of(from, id, to, static_cast<std::size_t>(start))
                                           : json{{"to", json::array()}};
    if (!one["to"].empty()) {
      results.push_back(std::move(one));
      continue;
    }
    errors.push_back({{"status", "error"},
                      {"category", "OBJECT_NOT_FOUND"},
                      {"subCategory", "crm.associations.NO_ASSOCIATIONS_FOUND"},
                      {"message", fmt::format("No {} is associated with {}.", to, id)},
                      {"context", {{"fromObjectId", json::array({id})}}}});
  }
  return batch(std::move(results), std::move(errors), status);
}

// ---------------------------------------------------------------------------------------------- portal

json HubspotPeer::properties(const std::string& type) const {
  json results = json::array();
  for (const Property& p : properties_of(world_, type)) {
    json options = json::array();
    for (const auto& [value, label] : p.options)
      options.push_back({{"value", value}, {"label", label}, {"hidden", false}});
    results.push_back(
        {{"name", p.name},
         {"label", p.label},
         {"type", p.type},
         {"fieldType", "text"},
         {"groupName", type + "information"},
         {"description", ""},
         {"modificationMetadata",
          {{"archivable", !p.read_only}, {"readOnlyDefinition", p.read_only}, {"readOnlyValue", p.read_only}}},
         {"options", std::move(options)}});
  }
  return {{"results", std::move(results)}};
}

json HubspotPeer::pipelines() const {
  json stages = json::array();
  for (const StageOfPipeline& s : kStages)
    stages.push_back({{"id", s.id},
                      {"label", s.label},
                      {"displayOrder", stages.size()},
                      {"archived", false},
                      {"metadata", {{"isClosed", s.closed ? "true" : "false"}, {"probability", s.probability}}}});
  json pipeline = {{"id", "default"},
                   {"label", "Sales pipeline"},
                   {"displayOrder", 0},
                   {"archived", false},
                   {"stages", std::move(stages)}};
  return {{"results", json::array({std::move(pipeline)})}};
}

}  // namespace
}  // namespace hubspot

std::unique_ptr<Peer> make_hubspot_peer(World& world) { return std::make_unique<hubspot::HubspotPeer>(world); }

}  // namespace hw::sandbox
