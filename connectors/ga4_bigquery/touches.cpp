#include "connectors/ga4_bigquery/touches.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/hash.h"
#include "base/text.h"
#include "connect/cookies.h"
#include "connect/landing.h"

namespace hw::connectors::ga4_bigquery {

namespace {

using connect::Landing;

/// A server may speak of a session long after its end.
constexpr std::chrono::seconds kLongestSession = std::chrono::hours(24);

std::string short_hash(std::string_view text) { return sha256_hex(text).substr(0, 32); }

const json& record(const json& row, const char* name) {
  static const json empty = json::object();
  const json* found = member(row, name);
  return found != nullptr && found->is_object() ? *found : empty;
}

std::string_view host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  url.remove_prefix(scheme + 3);
  return url.substr(0, url.find_first_of("/?#"));
}

/// One visit on its way to touches.
class Visit {
 public:
  Visit(const json& row, const Mapping& mapping) : row_(row), m_(mapping) {}

  /// False: the row has no time that could be read.
  bool read() {
    const std::optional<std::int64_t> started = number(row_, "started");
    if (!started) return false;
    started_ = from_micros(*started);
    client_ = text(row_, "client");
    session_ = number(row_, "session");
    page_ = text(record(row_, "landing"), "page");
    const bool is_session = !client_.empty() && session_;
    goes_on_ = is_session && number(row_, "begins") == 0;
    key_ = is_session ? fmt::format("{}\n{}", client_, *session_)
                      : fmt::format("{}\n{}\n{}\n{}", text(row_, "day"), client_, session_.value_or(0), page_);
    if (goes_on_) key_ += "\n" + text(row_, "day");  // the day before may have seen the same address
    add_identifiers();
    return true;
  }

  void add(std::vector<Touch>& out) {
    const json& campaigns = list(row_, "campaigns");
    if (goes_on_) {
      for (const json& campaign : campaigns)
        if (is_of_browser(campaign)) add_later(campaign, out);
      return;
    }
    const bool begins_with_one = !campaigns.empty() && is_of_visit(campaigns[0]);
    Touch first = own_touch(begins_with_one ? campaigns[0] : json::object());
    note(first);
    if (!first.identifiers.empty()) out.push_back(std::move(first));
    for (std::size_t i = begins_with_one ? 1 : 0; i < campaigns.size(); ++i) add_later(campaigns[i], out);
  }

 private:
  Touch bare(Timestamp at, std::string_view key) const {
    Touch t;
    t.key = short_hash(key);
    t.at = at;
    t.identifiers = ids_;
    t.country = m_.normaliser.country(text(row_, "country"));
    return t;
  }

  Touch own_touch(const json& campaign) {
    Touch t = bare(started_, key_);
    apply_source(t, campaign, page_);
    apply_first_touch(t);
    apply_last_click(t);
    apply_custom(t);
    t.landing_page = connect::page_of(page_);
    t.referrer = connect::page_of(text(record(row_, "landing"), "referrer"));
    return t;
  }

  /// A further click or campaign address. GA4's own reading of a referrer on a later page (a payment page that sends
  /// people back) is no touch.
  void add_later(const json& campaign, std::vector<Touch>& out) {
    const std::optional<std::int64_t> at = number(campaign, "happened");
    if (!at) return;
    const std::string page = text(campaign, "page");
    Touch t = bare(from_micros(*at), "");
    apply_source(t, campaign, page);
    const bool is_news = has_new_click(t) || (has_utm(page) && !seen_.contains(source_of(t)));
    note(t);
    if (!is_news) return;
    // Of what streaming and daily tables both have: the campaign's name, which the ads record knows, comes with the
    // latter.
    t.key = short_hash(fmt::format("{}\n{}\n{}\n{}\n{}", key_, page, text(campaign, "source"), text(campaign, "medium"),
                                   text(campaign, "gclid")));
    t.landing_page = connect::page_of(page);
    t.referrer = connect::page_of(text(campaign, "referrer"));
    if (!t.identifiers.empty()) out.push_back(std::move(t));
  }

  /// Of a session that goes on from an earlier day: somebody looked at a page, and not weeks later.
  [[nodiscard]] bool is_of_browser(const json& campaign) const {
    const std::optional<std::int64_t> at = number(campaign, "happened");
    return at && *session_ > *at / 1'000'000 - kLongestSession.count() && !text(campaign, "page").empty();
  }

  /// Does the first campaign tell where the visit came from? It stands on the landing page, or on a later page without
  /// being an arrival of its own.
  bool is_of_visit(const json& campaign) const {
    const std::string page = text(campaign, "page");
    return page.empty() || page == page_ || (!has_utm(page) && clicks_in(campaign, page).empty());
  }

  [[nodiscard]] bool has_utm(const std::string& page) const {
    const Landing l = connect::read_landing(m_.vocabulary, page);
    return !l.source.empty() || !l.medium.empty() || !l.campaign.empty();
  }

  [[nodiscard]] bool usable(const Identifier& id) const {
    return connect::fit_for_identifier(id.value) && m_.normaliser.usable(id);
  }

  [[nodiscard]] bool is_click(const Identifier& id) const {
    const connect::IdentifierDecl* d = m_.vocabulary.find(id.type);
    return d != nullptr && d->kind == connect::IdKind::click;
  }

  /// Of the columns first, then of the address. A column may hold what the statement cut out of an address.
  [[nodiscard]] std::vector<Identifier> clicks_in(const json& campaign, const std::string& page) const {
    std::vector<Identifier> out;
    for (const char* type : {"gclid", "dclid"})
      if (Identifier id{type, percent_decode(text(campaign, type))}; usable(id)) out.push_back(std::move(id));
    for (const Identifier& id : connect::read_landing(m_.vocabulary, page).identifiers)
      if (is_click(id) && usable(id) &&
          std::none_of(out.begin(), out.end(), [&](const Identifier& known) { return known.type == id.type; }))
        out.push_back(id);
    return out;
  }

  void apply_source(Touch& t, const json& campaign, const std::string& page) const {
    auto utm = [&](const char* name) { return connect::utm_text(text(campaign, name)); };
    t.source = utm("source");
    t.medium = utm("medium");
    t.campaign = utm("campaign");
    t.campaign_id = utm("campaign_id");
    t.term = utm("term");
    t.content = utm("content");
    const std::vector<Identifier> clicks = clicks_in(campaign, page);
    if (is_misread(t, clicks)) t.source = t.medium = "";
    Landing landing = connect::read_landing(m_.vocabulary, page);
    landing.identifiers.clear();
    connect::add_landing(landing, t);
    t.identifiers.insert(t.identifiers.end(), clicks.begin(), clicks.end());
    connect::imply_source(m_.vocabulary, t);
    if (t.source.empty() && t.medium.empty() && !text(campaign, "srsltid").empty()) {
      // A free listing of the Merchant Center: it proves where the visit came from, and names no click.
      t.source = "google";
      t.medium = "organic";
    }
    apply_ads(t);
  }

  /// A click of auto-tagging without utm_* shows as "google / organic" in the raw values (web-analytics reference 3.2).
  [[nodiscard]] bool is_misread(const Touch& t, const std::vector<Identifier>& clicks) const {
    if (!equals_ci(t.medium, "organic")) return false;
    return std::any_of(clicks.begin(), clicks.end(), [&](const Identifier& id) {
      const connect::IdentifierDecl* d = m_.vocabulary.find(id.type);
      return d != nullptr && !d->implied_source.empty() && equals_ci(d->implied_source, t.source);
    });
  }

  void apply_ads(Touch& t) const {
    const json& ads = record(row_, "ads");
    const bool is_google_click = std::any_of(t.identifiers.begin(), t.identifiers.end(), [](const Identifier& id) {
      return id.type == "gclid" || id.type == "gbraid" || id.type == "wbraid";
    });
    if (!is_google_click) return;
    if (t.campaign.empty()) t.campaign = connect::utm_text(text(ads, "campaign"));
    if (t.campaign_id.empty()) t.campaign_id = connect::utm_text(text(ads, "campaign_id"));
  }

  [[nodiscard]] static bool says_nothing(const Touch& t) {
    return t.source.empty() && t.medium.empty() && t.campaign.empty();
  }

  /// The record never changes and stands on every event: of a user's first session alone it tells the session's source.
  void apply_first_touch(Touch& t) const {
    if (!says_nothing(t) || number(row_, "session_number") != 1) return;
    const json& first = record(row_, "first");
    t.source = connect::utm_text(text(first, "source"));
    t.medium = connect::utm_text(text(first, "medium"));
    t.campaign = connect::utm_text(text(first, "campaign"));
  }

  void apply_last_click(Touch& t) const {
    const std::string referrer = text(record(row_, "landing"), "referrer");
    const bool came_from_elsewhere = !referrer.empty() && host_of(referrer) != host_of(page_);
    if (!m_.config.last_click || !says_nothing(t) || came_from_elsewhere) return;
    const json& last = record(row_, "last");
    auto utm = [&](const char* name) { return connect::utm_text(text(last, name)); };
    t.source = utm("source");
    t.medium = utm("medium");
    t.campaign = utm("campaign");
    t.campaign_id = utm("campaign_id");
    t.term = utm("term");
    t.content = utm("content");
  }

  // ------------------------------------------------------------------------------------------- identifiers

  /// Somebody's address as user id is kept as its hash alone.
  void add_identifier(const std::string& type, const std::string& value) {
    std::vector<Identifier> found{{type, value}};
    if (value.find('@') != std::string::npos) {
      connect::RawPerson person;
      person.email = value;
      found = m_.normaliser.identifiers(person);
    }
    for (Identifier& id : found)
      if (usable(id) && std::find(ids_.begin(), ids_.end(), id) == ids_.end()) ids_.push_back(std::move(id));
  }

  void add_identifiers() {
    add_identifier("ga_client_id", client_);
    if (!client_.empty() && session_) add_identifier("ga_session_id", std::to_string(*session_));
    add_identifier("user_id", text(row_, "member"));
    for_custom([this](const std::string& field, const std::string& value) {
      if (const char* type = crm_type(field)) {
        if (value.find('@') == std::string::npos) add_identifier(type, m_.config.crm + ":" + value);
      } else if (m_.vocabulary.find(field) != nullptr) {
        add_identifier(field, value);
      }
    });
  }

  static const char* crm_type(const std::string& field) {
    constexpr std::array kTypes = {std::pair{"lead_id", "crm_lead_id"}, std::pair{"contact_id", "crm_contact_id"},
                                   std::pair{"deal_id", "crm_deal_id"}};
    for (const auto& [name, type] : kTypes)
      if (field == name) return type;
    return nullptr;
  }

  template <class F>
  void for_custom(F f) const {
    const auto each = [&](const std::vector<Mapped>& mapped, const json& values) {
      for (const Mapped& m : mapped)
        for (const json& v : values)
          if (text(v, "key") == m.parameter && !text(v, "value").empty()) {
            f(m.field, text(v, "value"));
            break;
          }
    };
    each(m_.config.event_parameters, list(row_, "event_values"));
    each(m_.config.user_properties, list(row_, "user_values"));
  }

  void apply_custom(Touch& t) const {
    const std::array<std::pair<std::string_view, std::string*>, 6> fields = {{{"source", &t.source},
                                                                              {"medium", &t.medium},
                                                                              {"campaign", &t.campaign},
                                                                              {"campaign_id", &t.campaign_id},
                                                                              {"term", &t.term},
                                                                              {"content", &t.content}}};
    for_custom([&](const std::string& field, const std::string& value) {
      for (const auto& [name, to] : fields)
        if (const std::string said = connect::utm_text(value); field == name && !said.empty()) *to = said;
    });
  }

  // ------------------------------------------------------------------------------------------- what was seen

  static std::string source_of(const Touch& t) { return fmt::format("{}\n{}\n{}", t.source, t.medium, t.campaign); }

  [[nodiscard]] bool has_new_click(const Touch& t) const {
    return std::any_of(t.identifiers.begin(), t.identifiers.end(),
                       [&](const Identifier& id) { return is_click(id) && !seen_clicks_.contains(id); });
  }

  void note(const Touch& t) {
    seen_.insert(source_of(t));
    for (const Identifier& id : t.identifiers)
      if (is_click(id)) seen_clicks_.insert(id);
  }

  const json& row_;
  const Mapping& m_;
  Timestamp started_{};
  std::string client_, page_, key_;
  std::optional<std::int64_t> session_;
  bool goes_on_ = false;         ///< the session began on an earlier day
  std::vector<Identifier> ids_;  ///< of the visit; clicks are each touch's own
  std::set<std::string> seen_;
  std::set<Identifier> seen_clicks_;
};

}  // namespace

void add_touches(const json& row, const Mapping& mapping, std::vector<Touch>& out,
                 std::vector<connect::RejectedRow>& rejected) {
  Visit visit(row, mapping);
  if (!visit.read()) {
    rejected.push_back({"visit of " + text(row, "day"), "time", "a visit without a time"});
    return;
  }
  visit.add(out);
}

}  // namespace hw::connectors::ga4_bigquery
