#pragma once
#include <vector>

#include "reconcile/subject.h"

namespace hw::reconcile {

/// The leads and contacts that the resolver holds to be the same human as `person`, itself included, by store id.
std::vector<store::StoredRecord> same_person(store::Tx& tx, const store::StoredRecord& person);

/// The record that stands for this one today: a merged one's survivor, as far as the chain goes.
std::optional<store::StoredRecord> survivor(store::Tx& tx, std::int64_t record);

}  // namespace hw::reconcile
