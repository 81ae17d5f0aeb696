#include "base/result.h"

namespace hw {

const char* to_string(Action action) {
  switch (action) {
    case Action::retry:
      return "retry";
    case Action::reject_row:
      return "reject_row";
    case Action::reject_batch:
      return "reject_batch";
    case Action::pause:
      return "pause";
  }
  return "";
}

}  // namespace hw
