#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/touch.h"
#include "store/engine/db.h"

namespace hw::store {

struct StoredTouch {
  std::int64_t id = 0;
  std::string connector, channel;
  Touch touch;
  Timestamp learned;
  std::optional<std::int64_t> record_id;  ///< set for a record's own source fields
};

namespace touches {

/// Inserts or finds again by (connector, key): the row's id is seconds << 30 | 30-bit hash, probed upwards on a clash
/// with another key. A key that comes again with other content is rewritten in place (and its time bucket moved); the
/// same content changes nothing. A key whose time moved by more than a second keeps its first id and is found again
/// through its identifiers, within a month or so of where it was. Without `part` it stays in the partition that it was
/// told in. Returns the id, and through `changed` (may be null)
/// whether anything changed.
std::int64_t put(Tx&, const Touch&, std::string_view connector, std::string_view channel,
                 const std::optional<std::string>& part, std::optional<std::int64_t> record_id, Timestamp now,
                 bool* changed);
/// Touches that carry the identifier, by time; not the withdrawn ones. Hash clashes are sorted out by the stored value.
std::vector<StoredTouch> with(Tx&, const Identifier&);
/// In chunks, by id: those above `after`, at most `limit`. A touch whose identifier merely has the same hash may be
/// among them.
std::vector<StoredTouch> perhaps_with(Tx&, const Identifier&, std::int64_t after, std::int64_t limit);
/// The id that put() tries first.
std::int64_t first_id(Timestamp at, std::string_view connector, std::string_view key);
std::vector<StoredTouch> of_record(Tx&, std::int64_t record);
std::optional<StoredTouch> get(Tx&, std::int64_t id);
/// Withdraws what the partition holds and `kept` does not repeat. Returns the withdrawn touches.
std::vector<StoredTouch> withdraw_missing(Tx&, std::string_view connector, std::string_view part,
                                          const std::vector<std::int64_t>& kept, Timestamp now);
/// Withdraws a record's own source touches that are not in `kept`.
void withdraw_record_touches(Tx&, std::int64_t record, const std::vector<std::int64_t>& kept, Timestamp now);
std::int64_t count(Tx&);
/// Rewrites the channel of all touches in chunks after the rules changed: those above `after`, at most `limit`; `f`
/// gives the new channel. Returns the last id seen, 0 at the end.
std::int64_t rechannel(Tx&, std::int64_t after, std::int64_t limit, const std::function<std::string(const Touch&)>& f);

void put_spend(Tx&, const Spend&, std::string_view connector, std::string_view channel,
               const std::optional<std::string>& part, Timestamp now);
struct SpendTotal {
  std::string channel, currency;
  std::int64_t micros = 0;
};
std::vector<SpendTotal> spend_totals(Tx&, Timestamp from, Timestamp to);

}  // namespace touches
}  // namespace hw::store
