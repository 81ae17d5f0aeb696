#include "store/record_hash.h"

#include <fmt/format.h>

#include "base/hash.h"

namespace hw::store {
namespace {

/// Each part goes in with its length, so that no two different states render alike.
class Rendering {
 public:
  void add(std::string_view part) { fmt::format_to(std::back_inserter(text_), "{}:{};", part.size(), part); }
  void add(std::int64_t part) { fmt::format_to(std::back_inserter(text_), "{};", part); }
  void add(Timestamp part) { add(to_micros(part)); }
  void add(const RecordRef& ref) {
    add(ref.crm);
    add(to_string(ref.object));
    add(ref.id);
  }
  void add(const Identifier& id) {
    add(id.type);
    add(id.value);
  }
  void add(const Consent& consent) {
    add(to_string(consent.ad_user_data));
    add(to_string(consent.ad_personalization));
  }
  void add(const Touch& t) {
    for (const std::string* part : {&t.key, &t.kind, &t.source, &t.medium, &t.campaign, &t.campaign_id, &t.term,
                                    &t.content, &t.landing_page, &t.referrer, &t.country}) {
      add(*part);
    }
    add(t.at);
    add(to_string(t.basis));
    add(t.identifiers);
  }
  template <class A, class B>
  void add(const std::pair<A, B>& pair) {
    add(pair.first);
    add(pair.second);
  }
  template <class T>
  void add(const std::optional<T>& part) {
    text_.push_back(part ? '+' : '-');
    if (part) add(*part);
  }
  template <class T>
  void add(const std::vector<T>& parts) {
    add_each(parts);
  }
  template <class K, class V>
  void add(const std::map<K, V>& parts) {
    add_each(parts);
  }

  [[nodiscard]] std::string text() const { return fmt::to_string(text_); }

 private:
  template <class Parts>
  void add_each(const Parts& parts) {
    add(static_cast<std::int64_t>(parts.size()));
    for (const auto& part : parts) add(part);
  }

  fmt::memory_buffer text_;
};

}  // namespace

std::int64_t content_hash(const RecordState& state) {
  Rendering out;
  out.add(state.created);
  out.add(state.fields);
  out.add(state.identifiers);
  out.add(state.hashes);
  out.add(state.click_times);
  for (const std::string* part :
       {&state.masked_email, &state.country, &state.region, &state.city, &state.postal_code}) {
    out.add(*part);
  }
  out.add(state.consent);
  out.add(state.consent_at);
  out.add(state.source_touches);
  out.add(state.converted_from);
  out.add(state.account);
  return static_cast<std::int64_t>(hash64(out.text()));
}

}  // namespace hw::store
