#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connect/connector.h"
#include "connectors/hubspot/api.h"
#include "connectors/hubspot/cursor.h"
#include "connectors/hubspot/decode.h"

namespace hw::connectors::hubspot {

/// Reads the portal's records (CRM reference 0.1 and 2). Streams:
///   companies, contacts, deals      a full list first, then what was modified, in windows [mark - overlap, server time
///   - lag)
///                                   paged by id; each page with the records' merges, histories and associations
///   archived_companies, ...         deleted records, the whole list each time
///   open_deal_associations          the ties of all open deals, since a new tie need not touch its deal
/// A page's ids come from the list or search, everything else from batch reads by id, so that a record's fields and
/// history are of one moment and no URL grows with the number of properties.
class RecordReader final : public connect::RecordSource {
 public:
  RecordReader(const Config& config, const connect::Env& env) : config_(config), env_(env), api_(config, env) {}

  Result<std::vector<std::string>> streams(connect::Context) override;
  Result<connect::Page<Record>> pull(std::string_view stream, const connect::Cursor& cursor, std::size_t limit,
                                     connect::Context) override;

 private:
  using Page = connect::Page<Record>;
  using Context = connect::Context;

  Result<Page> pull_list(const ObjectPlan&, Position, std::size_t limit, const Context&);
  Result<Page> pull_window(const ObjectPlan&, Position, std::size_t limit, const Context&);
  Result<Page> pull_archived(const ObjectPlan&, Round, std::size_t limit, const Context&);
  Result<Page> pull_open_deals(Round, std::size_t limit, const Context&);

  /// One search, in the form of `sorts`, falling back to the other form for good when the first is refused.
  template <class MakeBody>
  Result<http::Response> search(const ObjectPlan&, SortForm& sorts, MakeBody make_body, const Context&);
  /// The first search of a window whose end comes from this machine's clock, mended by the server's.
  Result<http::Response> search_window(const ObjectPlan&, Position&, std::size_t limit, const Context&);

  /// Adds all there is to know of these records.
  Status add_records(const ObjectPlan&, const std::vector<std::string>& ids, Page&, const Context&);
  Status add_ties(const ObjectPlan&, const std::string& to, const std::vector<std::string>& ids, Page&, const Context&);
  /// All ties of these records to one type, page by page.
  Result<std::map<std::string, std::vector<Association::To>>> read_ties(const ObjectPlan&, const std::string& to,
                                                                        std::span<const std::string> ids, Page&,
                                                                        const Context&);
  Result<std::string> read_company_currency(const Context&);
  Status fill_currency(Batch&, std::string& currency, const Context&);

  const Config& config_;
  const connect::Env& env_;
  Api api_;
};

}  // namespace hw::connectors::hubspot
