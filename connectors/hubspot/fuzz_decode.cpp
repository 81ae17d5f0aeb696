#include <cstddef>
#include <cstdint>
#include <string>

#include "connectors/hubspot/decode.h"

using namespace hw;
using namespace hw::connectors::hubspot;

namespace {

/// Keeps what it is given: decoding, not normalising, is under test.
class Taker final : public connect::Normaliser {
 public:
  void keep(const connect::RawPerson& raw, RecordState& out, std::vector<std::string>&) const override {
    if (!raw.email.empty()) out.identifiers.push_back({"email_sha256", std::to_string(raw.email.size())});
  }
  std::vector<Identifier> identifiers(const connect::RawPerson&) const override { return {}; }
  bool usable(const Identifier& id) const override { return !id.value.empty(); }
  std::string country(std::string_view text) const override { return text.size() == 2 ? std::string(text) : ""; }
};

ObjectPlan plan_of(Object object) {
  ObjectPlan plan;
  plan.object = object;
  plan.type = object == Object::deal ? "deals" : "contacts";
  plan.modified_property = "lastmodifieddate";
  plan.mapped = {{"email", "email"},
                 {"gclid", "hs_google_click_id"},
                 {"landing_page", "hs_analytics_first_url"},
                 {"consent", "consent"}};
  plan.fields = {{"amount", "amount", FieldKind::amount},
                 {"currency", "deal_currency_code", FieldKind::currency},
                 {"closed", "closedate", FieldKind::time},
                 {"stage", "dealstage", FieldKind::text},
                 {"country", "country", FieldKind::country}};
  plan.history = plan.fields;
  return plan;
}

}  // namespace

/// The first byte says as which answer the rest is read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string crm = "crm";
  const Taker taker;
  const connect::Vocabulary vocabulary;
  const ObjectPlan contacts = plan_of(Object::contact), deals = plan_of(Object::deal);
  switch (data[0]) {
    case 'i':
      (void)decode_ids(body);
      break;
    case 'a':
      (void)decode_archived(body, deals, crm);
      break;
    case 'c':
      (void)decode_batch(body, contacts, {crm, taker, vocabulary});
      break;
    case 'd':
      (void)decode_batch(body, deals, {crm, taker, vocabulary});
      break;
    case 't':
      (void)decode_ties(body);
      break;
    case 'p':
      (void)decode_properties(body);
      break;
    case 'l':
      (void)decode_pipelines(body);
      break;
    case 'm':
      (void)decode_company_currency(body);
      break;
    case 'e':
      for (int status : {200, 207, 302, 400, 401, 403, 404, 414, 423, 429, 477, 500})
        (void)classify({status, {}, body}, SystemTime{}, std::chrono::hours(1));
      break;
    default:
      (void)decode_time(body);
      break;
  }
  return 0;
}
