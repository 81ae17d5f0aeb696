#pragma once
#include <string_view>

/// crash_point("ledger.claimed") is empty in packages. In builds with HEADWATER_TEST_HOOKS it raises SIGKILL when the
/// environment's HW_CRASH_AT names it ("name" = first pass, "name:3" = third pass), and asks for a stop by SIGTERM when
/// HW_STOP_AT does, going on when that has been heard. A point that several parts of the program pass may say which one
/// does ("records"): HW_CRASH_AT="name/records" counts that part's passes alone.
namespace hw {
#ifdef HEADWATER_TEST_HOOKS
void crash_point(const char* name, std::string_view part = {});
#else
inline void crash_point(const char*, std::string_view = {}) {}
#endif
}  // namespace hw
