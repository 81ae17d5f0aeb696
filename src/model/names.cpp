#include <cstdlib>
#include <string>

#include "base/text.h"
#include "model/consent.h"
#include "model/record.h"
#include "model/timestamp.h"
#include "model/upload.h"

namespace hw {
namespace {

/// Finds the value below `count` that to_string() writes as `text`: one list of names serves both directions.
template <class E>
bool find_name(std::string_view text, int count, E& out) {
  for (int i = 0; i < count; ++i) {
    if (text == to_string(static_cast<E>(i))) {
      out = static_cast<E>(i);
      return true;
    }
  }
  return false;
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view w : words) {
    if (text == w) return true;
  }
  return false;
}

}  // namespace

const char* to_string(Basis basis) {
  switch (basis) {
    case Basis::crm_history:
      return "crm_history";
    case Basis::observed:
      return "observed";
    case Basis::inferred:
      return "inferred";
  }
  return "";
}

const char* to_string(ConsentState s) {
  switch (s) {
    case ConsentState::unknown:
      return "unknown";
    case ConsentState::granted:
      return "granted";
    case ConsentState::denied:
      return "denied";
  }
  return "";
}

const char* to_string(Object o) {
  switch (o) {
    case Object::lead:
      return "lead";
    case Object::contact:
      return "contact";
    case Object::account:
      return "account";
    case Object::deal:
      return "deal";
  }
  return "";
}

const char* to_string(Operation v) {
  switch (v) {
    case Operation::upload:
      return "upload";
    case Operation::restate:
      return "restate";
    case Operation::retract:
      return "retract";
  }
  return "";
}

const char* to_string(UploadState v) {
  switch (v) {
    case UploadState::pending:
      return "pending";
    case UploadState::in_flight:
      return "in_flight";
    case UploadState::retrying:
      return "retrying";
    case UploadState::received:
      return "received";
    case UploadState::processed:
      return "processed";
    case UploadState::rejected:
      return "rejected";
    case UploadState::uncertain:
      return "uncertain";
    case UploadState::superseded:
      return "superseded";
  }
  return "";
}

const char* to_string(Mode v) {
  switch (v) {
    case Mode::shadow:
      return "shadow";
    case Mode::test:
      return "test";
    case Mode::live:
      return "live";
  }
  return "";
}

Basis basis_from(const char* text) {
  Basis basis{};
  if (!find_name(text, 3, basis)) std::abort();
  return basis;
}

ConsentState consent_from(std::string_view text) {
  const std::string word = to_lower_ascii(trim(text));
  if (is_one_of(word, {"true", "yes", "granted", "1", "opt_in"})) return ConsentState::granted;
  if (is_one_of(word, {"false", "no", "denied", "0", "opt_out"})) return ConsentState::denied;
  return ConsentState::unknown;
}

std::optional<Object> object_from(std::string_view text) {
  Object o{};
  if (!find_name(text, 4, o)) return std::nullopt;
  return o;
}

bool from_string(std::string_view text, Operation& out) { return find_name(text, 3, out); }
bool from_string(std::string_view text, UploadState& out) { return find_name(text, 8, out); }
bool from_string(std::string_view text, Mode& out) { return find_name(text, 3, out); }

}  // namespace hw
