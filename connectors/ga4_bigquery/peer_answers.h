#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "sandbox/peer.h"

/// The error shape of Google's older APIs.
namespace hw::sandbox::bigquery {

struct Fault {
  int code = 400;
  std::string reason, message;
  std::string status = "INVALID_ARGUMENT";  ///< canonical code
};

inline Fault invalid(std::string message) { return {400, "invalid", std::move(message)}; }
inline Fault invalid_query(std::string message) { return {400, "invalidQuery", std::move(message)}; }
inline Fault not_found(std::string what) { return {404, "notFound", "Not found: " + std::move(what), "NOT_FOUND"}; }

inline HttpResponse answer(const Fault& f) {
  const nlohmann::json error = {{"message", f.message}, {"domain", "global"}, {"reason", f.reason}};
  return {f.code,
          {},
          nlohmann::json{{"error",
                          {{"code", f.code},
                           {"message", f.message},
                           {"errors", nlohmann::json::array({error})},
                           {"status", f.status}}}}
              .dump()};
}

}  // namespace hw::sandbox::bigquery
