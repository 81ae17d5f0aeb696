#pragma once
#include <span>
#include <string_view>

#include "connect/connector.h"

namespace hw::connect {

/// The built connectors: an explicit list (static objects would be dropped by the linker). Defined in
/// connectors/registry.cpp; main hands it to the rooms.
class Registry {
 public:
  explicit Registry(std::vector<ConnectorType> types);
  [[nodiscard]] std::span<const ConnectorType> types() const { return types_; }
  [[nodiscard]] const ConnectorType* find(std::string_view name) const;
  [[nodiscard]] const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  std::vector<ConnectorType> types_;
  Vocabulary vocabulary_;
};

}  // namespace hw::connect
