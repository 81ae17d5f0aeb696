#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "store/records.h"
#include "store/touches.h"

/// The touches of a subject's people, in order.
namespace hw::journey {

/// A human of a subject: a lead or contact, or the deal itself for what it alone carries.
struct Person {
  store::StoredRecord record;
  bool primary = false;
};

/// Of a deal: its contacts, primary first, then the lead it was converted from, then the deal itself. Of a contact:
/// itself and its lead. Of a lead: itself. Of an account: its contacts. Merged records are followed to their survivor;
/// deleted ones and stubs are left out.
std::vector<Person> people_of(store::Tx& tx, const store::StoredRecord& subject);

struct JourneyTouch {
  store::StoredTouch stored;
  std::int64_t person = 0;  ///< record id of the first of people_of() to whom it leads
};

/// By (time, kind: paid click < other click < visit < form < offline < the record's own source fields, id); each touch
/// once.
struct Journey {
  std::vector<Person> people;
  std::vector<JourneyTouch> touches;

  /// The earliest of all. Changes only when an earlier touch arrives (invariant 6).
  [[nodiscard]] const JourneyTouch* first_touch() const;
  /// The latest at or before the moment.
  [[nodiscard]] const JourneyTouch* last_touch(Timestamp moment) const;
  /// The latest at or before the moment, and not older than `look_back` before it, that is not direct; if there is
  /// none, the last touch.
  [[nodiscard]] const JourneyTouch* last_non_direct_touch(Timestamp moment,
                                                          Duration look_back = std::chrono::hours(24 * 90)) const;
};

Journey of(store::Tx& tx, const store::StoredRecord& subject);

/// The touches that somebody saw. What the CRM itself says of a record's source counts where nobody saw the person
/// come, and never as "offline": that is how a CRM names what it does not know.
Journey seen(const Journey& whole);

/// The path that attribution divides a conversion among (metrics 5.0): touches up to five minutes after the conversion
/// are moved to it, those outside [conversion - look_back, conversion] are left out, and one person's touches of the
/// same source, medium and campaign, each within 30 minutes of the one before, count as one at the first's time.
std::vector<JourneyTouch> attribution_path(const Journey& journey, Timestamp conversion, Duration look_back);

}  // namespace hw::journey
