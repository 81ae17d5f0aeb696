#include "report/cells.h"

#include "model/money.h"

namespace hw::report {

std::string amount_cell(std::int64_t micros, const std::string& currency) {
  auto code = Currency::parse(currency);
  return decimal(micros, code ? code->minor_digits() : 2);
}

std::string time_cell(const std::optional<Timestamp>& at, const Zone& zone) {
  return at ? format_local(*at, zone) : "-";
}

}  // namespace hw::report
