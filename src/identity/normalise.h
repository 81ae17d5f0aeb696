#pragma once
#include <memory>

#include "connect/identifiers.h"
#include "connect/personal.h"

/// Raw personal data becomes hashes and identifiers here, as a page is read, and nowhere else (invariant 5).
namespace hw::identity {

/// The normaliser that connectors are handed. Pure and thread-safe; `vocabulary` outlives it.
///
/// E-mail and phone are hashed in every form of model/identifier.h, names when the rules ask. Input that is already a
/// SHA-256 (64 hex digits) is lower-cased and kept under its stated form alone, never hashed again; without a stated
/// form it is dropped with a note. A role mailbox ("info@") is hashed for sending but gives no joining identifier. The
/// registrable domain of an address that is no free mailbox goes into the field "email_domain": business data, the
/// account of a person whose CRM names none.
std::unique_ptr<connect::Normaliser> make_normaliser(connect::KeepRules rules, const connect::Vocabulary& vocabulary);

}  // namespace hw::identity
