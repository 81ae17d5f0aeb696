#pragma once
#include <cstdint>
#include <string>
#include <string_view>

/// The SQL that this connector sends: two statements of one body, and no others. Names of tables are all that is put
/// into their text (BigQuery takes no parameters there), made of checked options and dates; every value travels as a
/// query parameter.
///
/// One row a visit. A visit is a session of a client (user_pseudo_id, ga_session_id) on the day on which it began: an
/// event that begins sessions is of that day, or the session id, which is its start in seconds, falls on it. So a
/// session that goes on after midnight is one visit; its later day has a row of its own only where an event of that day
/// carries a click or campaign, and the row says so (begins = 0). An event without client or session is a visit of its
/// own only where it carries a click or campaign; such events of one page are one visit.
///
/// Parameters: @events, @zone, @click_parameters, @event_keys, @user_keys; of people also @clients, @members, @clicks;
/// of a history also @from, @to (table suffixes after "events_20").
/// Columns: day, client, session, started (microseconds), begins (1, or 0 = the session began on an earlier day),
///   session_number, member (user id), country,
///   landing{page, referrer}       of the first event with a page
///   campaigns[]{happened, page, referrer, source, medium, campaign, campaign_id, term, content, gclid, dclid,
///   srsltid}                      the events that carry a click or campaign, in order, at most 20
///   ads{campaign, campaign_id}    what Google Ads says of the session's click
///   last{source, medium, campaign, campaign_id, term, content}   GA4's last non-direct source of the session
///   first{source, medium, campaign}   of the user's first visit
///   event_values[]{key, value}, user_values[]{key, value}
namespace hw::connectors::ga4_bigquery {

/// Records that came to the export over the years: a table from before lacks the column, and naming it would fail.
struct Columns {
  bool collected = true;    ///< collected_traffic_source, since June 2023
  bool last_click = true;   ///< session_traffic_source_last_click, since July 2024
  bool first_touch = true;  ///< traffic_source; not in streaming tables
  friend bool operator==(const Columns&, const Columns&) = default;
};

enum class Of : std::uint8_t { everybody, people };

/// The visits of one table, "project.dataset.events_20261120".
std::string day_statement(std::string_view table, const Columns& columns, Of whom);
/// The visits of some people in all daily tables between two days: `dataset` is "project.dataset". A wildcard knows the
/// columns of the newest table; older ones give NULL.
std::string history_statement(std::string_view dataset);

}  // namespace hw::connectors::ga4_bigquery
