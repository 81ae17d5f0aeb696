#pragma once
#include <string>

namespace hw::sandbox {

/// `headwater report reconciliation --format json` for somebody who sees it for the first time: what each platform
/// is wanted to know and what it was told, and in plain words why the rest was not.
std::string accounts_in_words(const std::string& reconciliation);

}  // namespace hw::sandbox
