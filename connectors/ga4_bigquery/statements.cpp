#include "connectors/ga4_bigquery/statements.h"

#include <fmt/format.h>

namespace hw::connectors::ga4_bigquery {

namespace {

// Raw source of one event: the collected record, else the event parameters that were there before it.
constexpr std::string_view kCollected = R"(
    COALESCE(collected_traffic_source.manual_source, (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'source')) AS source,
    COALESCE(collected_traffic_source.manual_medium, (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'medium')) AS medium,
    COALESCE(collected_traffic_source.manual_campaign_name, (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'campaign')) AS campaign,
    collected_traffic_source.manual_campaign_id AS campaign_id,
    COALESCE(collected_traffic_source.manual_term, (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'term')) AS term,
    COALESCE(collected_traffic_source.manual_content, (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'content')) AS content,
    COALESCE(collected_traffic_source.gclid, (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'gclid'), (SELECT REGEXP_EXTRACT(value.string_value, r'[?&]gclid=([^&#]+)') FROM UNNEST(event_params) WHERE key = 'page_location')) AS gclid,
    collected_traffic_source.dclid AS dclid,
    collected_traffic_source.srsltid AS srsltid,)";

constexpr std::string_view kParametersAlone = R"(
    (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'source') AS source,
    (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'medium') AS medium,
    (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'campaign') AS campaign,
    CAST(NULL AS STRING) AS campaign_id,
    (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'term') AS term,
    (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'content') AS content,
    COALESCE((SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'gclid'), (SELECT REGEXP_EXTRACT(value.string_value, r'[?&]gclid=([^&#]+)') FROM UNNEST(event_params) WHERE key = 'page_location')) AS gclid,
    CAST(NULL AS STRING) AS dclid,
    CAST(NULL AS STRING) AS srsltid,)";

constexpr std::string_view kLastClick = R"(
    STRUCT(session_traffic_source_last_click.google_ads_campaign.campaign_name AS campaign, session_traffic_source_last_click.google_ads_campaign.campaign_id AS campaign_id) AS ads,
    STRUCT(session_traffic_source_last_click.manual_campaign.source AS source, session_traffic_source_last_click.manual_campaign.medium AS medium, session_traffic_source_last_click.manual_campaign.campaign_name AS campaign, session_traffic_source_last_click.manual_campaign.campaign_id AS campaign_id, session_traffic_source_last_click.manual_campaign.term AS term, session_traffic_source_last_click.manual_campaign.content AS content) AS last,)";

constexpr std::string_view kNoLastClick = R"(
    STRUCT(CAST(NULL AS STRING) AS campaign, CAST(NULL AS STRING) AS campaign_id) AS ads,
    STRUCT(CAST(NULL AS STRING) AS source, CAST(NULL AS STRING) AS medium, CAST(NULL AS STRING) AS campaign, CAST(NULL AS STRING) AS campaign_id, CAST(NULL AS STRING) AS term, CAST(NULL AS STRING) AS content) AS last,)";

constexpr std::string_view kFirstTouch = R"(
    STRUCT(traffic_source.source AS source, traffic_source.medium AS medium, traffic_source.name AS campaign) AS first,)";

constexpr std::string_view kNoFirstTouch = R"(
    STRUCT(CAST(NULL AS STRING) AS source, CAST(NULL AS STRING) AS medium, CAST(NULL AS STRING) AS campaign) AS first,)";

// {0} raw source, {1} last click, {2} first touch, {3} table, {4} condition on tables, {5} condition on visits
constexpr std::string_view kBody = R"(WITH event AS (
  SELECT
    event_date AS day,
    user_pseudo_id AS client,
    user_id AS member,
    event_timestamp AS happened,
    event_name AS name,
    geo.country AS country,
    (SELECT value.int_value FROM UNNEST(event_params) WHERE key = 'ga_session_id') AS session,
    (SELECT value.int_value FROM UNNEST(event_params) WHERE key = 'ga_session_number') AS session_number,
    (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'page_location') AS page,
    (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'page_referrer') AS referrer,{0}{1}{2}
    ARRAY(SELECT AS STRUCT key, COALESCE(value.string_value, CAST(value.int_value AS STRING)) AS value FROM UNNEST(event_params) WHERE key IN UNNEST(@event_keys)) AS event_values,
    ARRAY(SELECT AS STRUCT key, COALESCE(value.string_value, CAST(value.int_value AS STRING)) AS value FROM UNNEST(user_properties) WHERE key IN UNNEST(@user_keys)) AS user_values
  FROM `{3}`{4}
), marked AS (
  SELECT
    *,
    client IS NULL OR session IS NULL AS loose,
    source IS NOT NULL OR medium IS NOT NULL OR campaign IS NOT NULL OR gclid IS NOT NULL OR dclid IS NOT NULL OR srsltid IS NOT NULL OR EXISTS(SELECT 1 FROM UNNEST(@click_parameters) AS parameter WHERE STRPOS(page, CONCAT(parameter, '=')) > 0) AS has_campaign
  FROM event
)
SELECT
  day,
  client,
  session,
  MIN(happened) AS started,
  IF(loose OR COUNTIF(name IN UNNEST(@events)) > 0 OR FORMAT_TIMESTAMP('%Y%m%d', SAFE.TIMESTAMP_SECONDS(session), @zone) = day, 1, 0) AS begins,
  MAX(session_number) AS session_number,
  ARRAY_AGG(member IGNORE NULLS ORDER BY happened, name LIMIT 1)[SAFE_OFFSET(0)] AS member,
  ARRAY_AGG(country IGNORE NULLS ORDER BY happened, name LIMIT 1)[SAFE_OFFSET(0)] AS country,
  ARRAY_AGG(IF(page IS NULL, NULL, STRUCT(page, referrer)) IGNORE NULLS ORDER BY happened, name LIMIT 1)[SAFE_OFFSET(0)] AS landing,
  ARRAY_AGG(IF(has_campaign, STRUCT(happened, page, referrer, source, medium, campaign, campaign_id, term, content, gclid, dclid, srsltid), NULL) IGNORE NULLS ORDER BY happened, name LIMIT 20) AS campaigns,
  ARRAY_AGG(IF(ads.campaign_id IS NULL, NULL, ads) IGNORE NULLS ORDER BY happened, name LIMIT 1)[SAFE_OFFSET(0)] AS ads,
  ARRAY_AGG(IF(last.source IS NULL, NULL, last) IGNORE NULLS ORDER BY happened, name LIMIT 1)[SAFE_OFFSET(0)] AS last,
  ARRAY_AGG(IF(first.source IS NULL, NULL, first) IGNORE NULLS ORDER BY happened, name LIMIT 1)[SAFE_OFFSET(0)] AS first,
  ARRAY_CONCAT_AGG(IF(ARRAY_LENGTH(event_values) > 0, event_values, NULL) ORDER BY happened, name LIMIT 20) AS event_values,
  ARRAY_CONCAT_AGG(IF(ARRAY_LENGTH(user_values) > 0, user_values, NULL) ORDER BY happened, name LIMIT 20) AS user_values
FROM marked
GROUP BY day, client, session, loose, IF(loose, page, NULL)
HAVING (LOGICAL_OR(has_campaign) OR (NOT loose AND (COUNTIF(name IN UNNEST(@events)) > 0 OR FORMAT_TIMESTAMP('%Y%m%d', SAFE.TIMESTAMP_SECONDS(session), @zone) = day))){5})";

constexpr std::string_view kOfTables = R"(
  WHERE _TABLE_SUFFIX BETWEEN @from AND @to)";

constexpr std::string_view kOfPeople = R"(
  AND (client IN UNNEST(@clients) OR LOGICAL_OR(member IN UNNEST(@members)) OR LOGICAL_OR(gclid IN UNNEST(@clicks))))";

std::string statement(const Columns& c, std::string_view table, std::string_view of_tables,
                      std::string_view of_visits) {
  return fmt::format(kBody, c.collected ? kCollected : kParametersAlone, c.last_click ? kLastClick : kNoLastClick,
                     c.first_touch ? kFirstTouch : kNoFirstTouch, table, of_tables, of_visits);
}

}  // namespace

std::string day_statement(std::string_view table, const Columns& columns, Of whom) {
  return statement(columns, table, "", whom == Of::people ? kOfPeople : "");
}

std::string history_statement(std::string_view dataset) {
  return statement({}, fmt::format("{}.events_20*", dataset), kOfTables, kOfPeople);
}

}  // namespace hw::connectors::ga4_bigquery
