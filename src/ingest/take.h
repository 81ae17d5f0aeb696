#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "identity/resolve.h"
#include "model/record.h"
#include "model/touch.h"
#include "settings/settings.h"
#include "store/engine/db.h"

namespace hw::ingest {

/// Turns a page's rows into records, facts, links, touches and spend inside the page's transaction, and marks every
/// subject whose answer may have changed. Seeing a row again changes nothing. Stateless but for its rules; one caller
/// at a time.
class Take {
 public:
  /// `channel_of` fills in what a touch's source and medium are to be (referrer rules) and names its channel; the rules
  /// live in src/journey, a room of the same layer, so the service hands them in.
  using ChannelOf = std::function<std::string(Touch&)>;
  Take(const settings::Settings& settings, const identity::Resolver& resolver, ChannelOf channel_of);

  /// Each returns the touch id for touches (for partitions), else nothing.
  std::optional<std::int64_t> row(store::Tx&, const Record&, const std::string& connector,
                                  const std::optional<std::string>& part, Timestamp now);
  std::optional<std::int64_t> row(store::Tx&, const Touch&, const std::string& connector,
                                  const std::optional<std::string>& part, Timestamp now);
  std::optional<std::int64_t> row(store::Tx&, const Spend&, const std::string& connector,
                                  const std::optional<std::string>& part, Timestamp now);
  /// The partition has been told whole: what the store holds of it and no page repeated is withdrawn.
  void end_partition(store::Tx&, const std::string& connector, const std::string& part,
                     const std::vector<std::int64_t>& kept, Timestamp now);
  /// Goes on with what identity had too much of for one transaction; false when nothing is left.
  bool go_on(store::Tx&, Timestamp now);

 private:
  void state(store::Tx&, const RecordState&, const std::string& connector, Timestamp now);
  void change(store::Tx&, const FieldChange&, const std::string& connector, Timestamp now);
  void association(store::Tx&, const Association&, const std::string& connector, Timestamp now);
  void removal(store::Tx&, const Removal&, const std::string& connector, Timestamp now);
  void merge(store::Tx&, const Merge&, const std::string& connector, Timestamp now);
  RecordState kept_part(store::Tx&, const RecordState&) const;
  RecordState without_our_own(store::Tx&, RecordState) const;
  void source_touches(store::Tx&, std::int64_t record, const RecordState&, const std::string& connector, Timestamp now);
  void unmerge(store::Tx&, std::int64_t record, Timestamp at, Timestamp now);
  void mark_same_person(store::Tx&, std::int64_t record, const char* cause);
  void resolve(store::Tx&, std::int64_t record, Timestamp now);

  const identity::Resolver& resolver_;
  bool keep_address_;
  ChannelOf channel_of_;
  std::vector<std::string> tracked_;
};

}  // namespace hw::ingest
