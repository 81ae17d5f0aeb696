#include "connectors/hubspot/writer.h"

#include "connectors/hubspot/decode.h"
#include "connectors/hubspot/encode.h"

namespace hw::connectors::hubspot {

Result<std::vector<connect::FieldValues>> PropertyWriter::current(std::span<const RecordRef> records,
                                                                  std::span<const std::string> fields,
                                                                  connect::Context context) {
  if (records.empty()) return std::vector<connect::FieldValues>{};
  const std::string path = batch_read_path(config_, config_.plan_of(records.front().object).type);
  Result<http::Response> response = api_.post(path, values_body(records, fields), context);
  if (!response) return response.error();
  return decode_values(response->body, records, fields);
}

Result<connect::Answer> PropertyWriter::write(std::span<const connect::FieldValues> changes, connect::Context context) {
  if (changes.empty()) return connect::Answer{};
  const std::string path = update_path(config_, config_.plan_of(changes.front().ref.object).type);
  Result<http::Response> response = api_.write(path, update_body(changes), context);
  if (!response) return response.error();
  return decode_update(*response, changes);
}

}  // namespace hw::connectors::hubspot
