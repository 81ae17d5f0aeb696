#include "model/upload.h"

namespace hw {

bool may_follow(UploadState from, UploadState to) {
  using S = UploadState;
  switch (from) {
    case S::pending:
      return to == S::in_flight || to == S::superseded || to == S::uncertain;
    case S::in_flight:
      return to == S::retrying || to == S::received || to == S::processed || to == S::rejected || to == S::uncertain;
    case S::retrying:
      return to == S::in_flight || to == S::rejected || to == S::uncertain || to == S::superseded;
    case S::received:
      return to == S::processed || to == S::rejected || to == S::retrying || to == S::uncertain;
    case S::uncertain:
      return to == S::retrying || to == S::processed || to == S::rejected;
    case S::rejected:
      return to == S::superseded;
    case S::processed:
    case S::superseded:
      return false;
  }
  return false;
}

}  // namespace hw
