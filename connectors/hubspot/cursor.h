#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "connect/connector.h"
#include "connectors/hubspot/encode.h"
#include "model/timestamp.h"

/// What a stream's cursor holds. The text is JSON with a version of its own.
namespace hw::connectors::hubspot {

/// Of "companies", "contacts", "deals": first the list from end to end, then searches in windows of modification time.
struct Position {
  bool listing = true;
  std::optional<Timestamp> mark;   ///< all that changed before it has been read; set by the first page's Date header
  std::string after;               ///< listing: HubSpot's page token
  std::optional<Timestamp> until;  ///< the open window's end; nullopt = none is open
  std::string last_id;             ///< the highest id read of the open window
  SortForm sorts = SortForm::object;
};

/// Of the streams that are read through again and again ("archived_deals", "open_deal_associations").
struct Round {
  bool open = false;             ///< a round is under way
  std::string after;             ///< page token, or the highest id read
  std::optional<Timestamp> due;  ///< when the next round may begin; nullopt = none was finished yet
  SortForm sorts = SortForm::object;
};

/// An empty cursor is the beginning. Error pause "cursor" for text that this connector did not write.
Result<Position> read_position(const connect::Cursor& cursor);
Result<Round> read_round(const connect::Cursor& cursor);
connect::Cursor write(const Position& position);
connect::Cursor write(const Round& round);

}  // namespace hw::connectors::hubspot
