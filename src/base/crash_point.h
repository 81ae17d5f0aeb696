#pragma once
/// crash_point("ledger.claimed") is empty in packages. In builds with HEADWATER_TEST_HOOKS it raises SIGKILL when the
/// environment's HW_CRASH_AT names it ("name" = first pass, "name:3" = third pass).
namespace hw {
#ifdef HEADWATER_TEST_HOOKS
void crash_point(const char* name);
#else
inline void crash_point(const char*) {}
#endif
}  // namespace hw
