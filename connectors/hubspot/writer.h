#pragma once
#include <algorithm>

#include "connect/connector.h"
#include "connectors/hubspot/api.h"

namespace hw::connectors::hubspot {

/// Source fields as properties of contacts, companies and deals: batch reads and batch updates of the same records
/// (CRM reference 2.9). HubSpot knows no version check: between the two, the last write wins.
class PropertyWriter final : public connect::SourceFieldWriter {
 public:
  PropertyWriter(const Config& config, const connect::Env& env) : config_(config), api_(config, env) {}

  std::size_t max_records() const override { return std::min(config_.write_batch, config_.read_batch); }
  Result<std::vector<connect::FieldValues>> current(std::span<const RecordRef> records,
                                                    std::span<const std::string> fields, connect::Context) override;
  Result<connect::Answer> write(std::span<const connect::FieldValues> changes, connect::Context) override;

 private:
  const Config& config_;
  Api api_;
};

}  // namespace hw::connectors::hubspot
