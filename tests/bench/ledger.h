#pragma once
#include <cstddef>
#include <memory>
#include <string>

#include "connect/connector.h"
#include "http/client.h"
#include "store/engine/db.h"

namespace hw::bench {

/// One row's part of a request, of the size that a real one has: some 600 bytes.
std::string item_body(std::size_t n);
/// Items as one request's body.
std::string joined(std::span<const connect::Item> items);

/// A store at `path` with `rows` uploads of one destination that are due.
std::unique_ptr<store::Db> ledger_of(const std::string& path, std::size_t rows);

/// Posts what it is given and believes the 200.
class PostingSink final : public connect::ConversionSink {
 public:
  PostingSink(http::HttpClient& http, std::string url, std::size_t rows_a_request);
  const connect::Contract& contract() const override { return contract_; }
  std::variant<connect::Item, connect::Refusal> prepare(const Conversion&, const connect::Revision&,
                                                        const connect::Target&, const connect::Sent*,
                                                        Timestamp) const override;
  std::string body(std::span<const connect::Item> items, const connect::Target&, bool) const override {
    return joined(items);
  }
  Result<connect::Answer> send(std::span<const connect::Item> items, const connect::Target&, bool,
                               connect::Context) override;
  Result<std::vector<connect::Confirmation>> confirm(std::span<const std::string>, const connect::Target&,
                                                     connect::Context) override;

 private:
  http::HttpClient& http_;
  std::string url_;
  connect::Contract contract_;
};

/// Sends what is due, as the daemon does. Returns how many rows settled; stops after `at_most`.
std::size_t deliver(store::Db& db, const std::string& url, std::size_t rows_a_request, std::size_t at_most);

}  // namespace hw::bench
