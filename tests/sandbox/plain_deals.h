#pragma once
#include <string>

#include "sandbox/world.h"

/// Deals without a story, for tests that count them: each won the moment it is made, by a buyer who clicked an ad two
/// hours before, whom analytics knows, and who agreed to everything.
namespace hw::sandbox {

/// The accounts and actions of Company, as old as `since`, and nobody yet.
void make_accounts(World& world, const std::string& drop, Timestamp since);
/// In micros, with cents; no two are alike.
std::int64_t plain_amount(int n);
void win_plain_deal(World& world, int n, Timestamp at);

}  // namespace hw::sandbox
