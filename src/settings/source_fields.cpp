#include "settings/source_fields.h"

namespace hw::settings {

const std::vector<std::string>& source_field_names() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names{"touches", "first_seen", "last_seen"};
    for (const char* which : {"first_", "last_"})
      for (const char* part :
           {"channel", "source", "medium", "campaign", "term", "content", "landing_page", "referrer", "at"})
        names.push_back(std::string(which) + part);
    return names;
  }();
  return all;
}

}  // namespace hw::settings
