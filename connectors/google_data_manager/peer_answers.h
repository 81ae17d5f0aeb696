#pragma once
#include <string>
#include <vector>

#include "sandbox/peer.h"

/// The error shapes of Google's APIs.
namespace hw::sandbox::data_manager {

struct Violation {
  std::string field, reason, description;
};

struct Fault {
  int code = 400;
  std::string status = "INVALID_ARGUMENT";  ///< canonical code
  std::string message;
  std::string reason;                 ///< of google.rpc.ErrorInfo
  std::vector<Violation> violations;  ///< of google.rpc.BadRequest
};

HttpResponse answer(const Fault& fault);

inline Fault bad_request(std::vector<Violation> violations) {
  return {.code = 400,
          .status = "INVALID_ARGUMENT",
          .message = "There was a problem with the request.",
          .reason = "INVALID_ARGUMENT",
          .violations = std::move(violations)};
}

}  // namespace hw::sandbox::data_manager
