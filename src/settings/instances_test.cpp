#include "settings/instances.h"

#include <gtest/gtest.h>

namespace hw::settings {
namespace {

/// Takes everything back from "purchase", and nothing from any other action.
class ChoosySink final : public connect::ConversionSink {
 public:
  const connect::Contract& contract() const override { return contract_; }
  connect::Contract contract_for(const connect::Target& target) const override {
    connect::Contract c = contract_;
    if (target.action != "purchase") return c;
    c.operations = {Operation::upload, Operation::restate, Operation::retract};
    c.restate_down = true;
    c.zero = connect::ZeroRule::final_retraction;
    c.dedup.exists = true;
    return c;
  }
  std::variant<connect::Item, connect::Refusal> prepare(const Conversion&, const connect::Revision&,
                                                        const connect::Target&, const connect::Sent*,
                                                        Timestamp) const override {
    return connect::Refusal{};
  }
  std::string body(std::span<const connect::Item>, const connect::Target&, bool) const override { return ""; }
  Result<connect::Answer> send(std::span<const connect::Item>, const connect::Target&, bool,
                               connect::Context) override {
    return connect::Answer{};
  }
  Result<std::vector<connect::Confirmation>> confirm(std::span<const std::string>, const connect::Target&,
                                                     connect::Context) override {
    return std::vector<connect::Confirmation>{};
  }

 private:
  connect::Contract contract_;
};

TEST(Instances, ADestinationsContractIsThatOfItsAction) {
  ChoosySink sink;
  SinkSet sinks;
  sinks.upload = sinks.restate = sinks.retract = &sink;
  sinks.target.action = "purchase";
  const connect::Contract purchases = sinks.contract(Destination{});
  EXPECT_EQ(purchases.operations, (std::set{Operation::upload, Operation::restate, Operation::retract}));
  EXPECT_TRUE(purchases.dedup.exists && purchases.restate_down);
  EXPECT_EQ(purchases.zero, connect::ZeroRule::final_retraction);
  sinks.target.action = "generate_lead";
  const connect::Contract leads = sinks.contract(Destination{});
  EXPECT_EQ(leads.operations, std::set{Operation::upload});
  EXPECT_FALSE(leads.dedup.exists || leads.restate_down);
  EXPECT_EQ(leads.zero, connect::ZeroRule::refused);
}

}  // namespace
}  // namespace hw::settings
