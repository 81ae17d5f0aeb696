#pragma once
#include <string>

#include "base/result.h"

namespace hw::service {

/// Where root works in another user's state directory, this process is that user from here on: what it makes there
/// belongs to who needs it, and a link that the user has laid there leads root nowhere. What only root may read is read
/// before. A directory that is root's own, or not there, changes nothing. Code "state_owner".
Status act_as_owner(const std::string& state_dir);

/// For what root alone may write outside the state directory, after act_as_owner().
Status act_as_root_again();

}  // namespace hw::service
