#pragma once
#include "connect/personal.h"

namespace hw::conformance {

/// The least a Normaliser can do, for connectors' tests, which may not see src/identity: `email_sha256` of the trimmed
/// lower-case address (form "email"), `phone_sha256` of "+" and the digits (forms "phone_e164" and "phone_digits").
/// Hashes that come ready go under the form they name. Names are not kept; countries are read as alpha-2 alone.
class PlainNormaliser final : public connect::Normaliser {
 public:
  void keep(const connect::RawPerson& raw, RecordState& out, std::vector<std::string>& notes) const override;
  [[nodiscard]] std::vector<Identifier> identifiers(const connect::RawPerson& raw) const override;
  [[nodiscard]] bool usable(const Identifier& id) const override;
  [[nodiscard]] std::string country(std::string_view text) const override;
};

}  // namespace hw::conformance
