#pragma once
#include <cstdint>
#include <string_view>

namespace hw {

enum class Operation : std::uint8_t { upload, restate, retract };

enum class UploadState : std::uint8_t {
  pending,     ///< due to be sent
  in_flight,   ///< claimed with its frozen item; sent or about to be
  retrying,    ///< answered "later"; the frozen item goes again
  received,    ///< the platform took the request
  processed,   ///< the platform confirmed the row
  rejected,    ///< refused for good, with the platform's message
  uncertain,   ///< its fate is unknown and may not be found out by sending again
  superseded,  ///< a later revision took its place; the platform never took it
};

enum class Mode : std::uint8_t { shadow, test, live };

/// True when an upload may go from one state to another. The store refuses any other change of state.
///   pending    -> in_flight | superseded | uncertain (a restored backup)
///   in_flight  -> retrying | received | processed | rejected | uncertain
///   retrying   -> in_flight | rejected | uncertain | superseded (never applied)
///   received   -> processed | rejected | retrying | uncertain
///   rejected   -> superseded (a person has it tried again: a later revision takes its place)
///   uncertain  -> retrying (on_uncertain: resend, or a person) | processed | rejected
bool may_follow(UploadState from, UploadState to);

const char* to_string(Operation v);
const char* to_string(UploadState v);
const char* to_string(Mode v);
bool from_string(std::string_view text, Operation& out);
bool from_string(std::string_view text, UploadState& out);
bool from_string(std::string_view text, Mode& out);

}  // namespace hw
