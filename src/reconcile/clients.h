#pragma once
#include <functional>
#include <string>
#include <vector>

#include "reconcile/work.h"

/// By which browser or app a platform is told of a conversion, where it counts by client identifiers.
namespace hw::reconcile {

/// Client identifiers of the lineage that are of these types: all of one record, the first that has one of the type the
/// platform cannot do without (`types.front()`), since a session belongs to its client. The person comes first, then
/// the lead, other records of the same human, the other people and the subject itself. `person` may be null.
std::vector<Identifier> lineage_clients(
    store::Tx& tx, const Subject& subject, const store::StoredRecord* person, const std::vector<std::string>& types,
    const std::function<bool(const store::StoredRecord&)>& may_be_told = [](const auto&) { return true; });

/// As lineage_clients(), of records alone whose human may be told of at the destination.
std::vector<Identifier> tellable_clients(const Asked& asked, const store::StoredRecord* person);

/// Takes the place of what `known` holds of these types.
void set_clients(std::vector<Identifier>& known, const std::vector<std::string>& types,
                 const std::vector<Identifier>& clients);

}  // namespace hw::reconcile
