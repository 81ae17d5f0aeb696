#pragma once
#include <string>
#include <string_view>

#include "store/engine/db.h"

/// The store's errors in one place, each with the way to mend it. `name` is the store's (a path), `cause` the engine's
/// own words without any row's content.
namespace hw::store {

Failure store_full(std::string_view name, std::string_view cause);
Failure store_busy(std::string_view name, std::string_view cause);
Failure store_corrupt(std::string_view name, std::string_view cause);
Failure store_io(std::string_view name, std::string_view cause);
Failure store_readonly(std::string_view name, std::string_view cause);
Failure store_constraint(std::string_view cause);
Failure store_sql(std::string_view cause);
Failure store_missing(std::string_view name);
Failure store_engine(std::string_view cause);
Failure store_newer(std::string_view name, int found, int known);
Failure store_older(std::string_view name, int found, int known);

}  // namespace hw::store
