#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/timestamp.h"
#include "sandbox/world.h"

namespace hw::sandbox {

/// One line of the truth: what a destination should have been told of one conversion by the end of the world, by the
/// script's own rules (never Headwater's code).
struct TruthRow {
  std::string destination, goal;
  std::string object, id;  ///< "contact" | "deal", CRM id
  std::int64_t occurrence = 1;
  std::string dedup_id;       ///< computed by the script itself
  std::string state, reason;  ///< as `headwater report reconciliation --conversions` names them
  std::string currency;
  std::int64_t wanted_micros = 0, told_micros = 0;
};

/// What one field of a CRM record should hold by the end of the world.
struct FieldTruth {
  std::string type, id, field, value;  ///< "contacts", CRM id, "hw_first_source", "google"
  bool typed = false;                  ///< a person's entry, which must stay
};

/// What happens in a world, and what is true at its end. The seed makes another world of the same shape.
class Script {
 public:
  virtual ~Script() = default;
  virtual Timestamp start() const = 0;
  virtual Timestamp end() const = 0;
  /// The earliest event that has not happened yet; max() = none.
  virtual Timestamp next_event() const = 0;
  /// Lets everything up to `now` happen to the world (and to the files it drops).
  virtual void advance(World& world, Timestamp now) = 0;
  /// At the end.
  virtual std::vector<TruthRow> truth(const World& world) const = 0;
};

}  // namespace hw::sandbox
