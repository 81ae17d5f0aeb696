#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sandbox/peer.h"

/// How HubSpot says yes and no, and the checks that every body passes.
namespace hw::sandbox::hubspot {

using nlohmann::json;

/// Thrown inside the peer alone and answered as it stands.
struct Refused {
  int status = 400;
  std::string category = "VALIDATION_ERROR", message;
  json more = json::object();  ///< further members of the error: errors, policyName, ...
};

HttpResponse answer(int status, const json& body);
/// HubSpot's error shape, with a correlation id made of `number`.
HttpResponse answer(const Refused& refused, std::uint64_t number);
std::string http_date(Timestamp t);

/// Refuses parameters that are not documented.
void allow_query(const HttpRequest& request, const std::set<std::string>& allowed);
std::string query_or(const HttpRequest& request, const std::string& name, const std::string& otherwise);
bool query_flag(const HttpRequest& request, const std::string& name);
std::size_t query_size(const HttpRequest& request, const std::string& name, std::size_t otherwise, std::size_t largest);
std::vector<std::string> query_list(const HttpRequest& request, const std::string& name);

/// The body as an object with all `required` and no other than the `allowed` members.
json object_body(const HttpRequest& request, const std::set<std::string>& required,
                 const std::set<std::string>& allowed);
void check_members(const json& j, const std::set<std::string>& required, const std::set<std::string>& allowed,
                   const std::string& where);
const std::string& string_of(const json& j, const std::string& where);
std::vector<std::string> strings_of(const json& j, const std::string& where);
const json& array_of(const json& j, const std::string& where);
/// A whole number written as text.
std::int64_t number_of(const std::string& digits, const std::string& where);

}  // namespace hw::sandbox::hubspot
