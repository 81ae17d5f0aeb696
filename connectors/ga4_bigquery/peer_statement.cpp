#include "connectors/ga4_bigquery/peer_statement.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

/// The statements, written out once more: a change of the connector's text that was not meant is refused here.
namespace hw::sandbox::bigquery {

namespace {

std::string parameter(const char* key, const char* kind = "string_value") {
  return fmt::format("(SELECT value.{} FROM UNNEST(event_params) WHERE key = '{}')", kind, key);
}

std::string collected(const char* field) { return fmt::format("collected_traffic_source.{}", field); }

std::string null_as(const char* name) { return fmt::format("CAST(NULL AS STRING) AS {}", name); }

std::string raw_source(bool named) {
  const std::string page_gclid =
      "(SELECT REGEXP_EXTRACT(value.string_value, r'[?&]gclid=([^&#]+)') FROM UNNEST(event_params) WHERE key = "
      "'page_location')";
  auto either = [&](const char* field, const char* key) {
    return named ? fmt::format("COALESCE({}, {}) AS {}, ", collected(field), parameter(key), key)
                 : fmt::format("{} AS {}, ", parameter(key), key);
  };
  auto alone = [&](const char* field, const char* name) {
    return (named ? collected(field) + " AS " + name : null_as(name)) + ", ";
  };
  return either("manual_source", "source") + either("manual_medium", "medium") +
         either("manual_campaign_name", "campaign") + alone("manual_campaign_id", "campaign_id") +
         either("manual_term", "term") + either("manual_content", "content") +
         fmt::format("COALESCE({}{}, {}) AS gclid, ", named ? collected("gclid") + ", " : "", parameter("gclid"),
                     page_gclid) +
         alone("dclid", "dclid") + alone("srsltid", "srsltid");
}

std::string record(const std::string& prefix, const std::vector<std::pair<const char*, const char*>>& fields,
                   const char* name, bool named) {
  std::string inner;
  for (const auto& [field, as] : fields) {
    if (!inner.empty()) inner += ", ";
    inner += named ? fmt::format("{}.{} AS {}", prefix, field, as) : null_as(as);
  }
  return fmt::format("STRUCT({}) AS {}, ", inner, name);
}

std::string last_click(bool named) {
  return record("session_traffic_source_last_click.google_ads_campaign",
                {{"campaign_name", "campaign"}, {"campaign_id", "campaign_id"}}, "ads", named) +
         record("session_traffic_source_last_click.manual_campaign",
                {{"source", "source"},
                 {"medium", "medium"},
                 {"campaign_name", "campaign"},
                 {"campaign_id", "campaign_id"},
                 {"term", "term"},
                 {"content", "content"}},
                "last", named);
}

std::string first_touch(bool named) {
  return record("traffic_source", {{"source", "source"}, {"medium", "medium"}, {"name", "campaign"}}, "first", named);
}

std::string key_values(const char* from, const char* keys, const char* name) {
  return fmt::format(
      "ARRAY(SELECT AS STRUCT key, COALESCE(value.string_value, CAST(value.int_value AS STRING)) AS value FROM "
      "UNNEST({}) WHERE key IN UNNEST(@{})) AS {}",
      from, keys, name);
}

std::string first_of(const char* what, const char* name) {
  return fmt::format("ARRAY_AGG({} IGNORE NULLS ORDER BY happened, name LIMIT 1)[SAFE_OFFSET(0)] AS {}, ", what, name);
}

std::string values_of(const char* name, const char* end) {
  return fmt::format(
      "ARRAY_CONCAT_AGG(IF(ARRAY_LENGTH({0}) > 0, {0}, NULL) ORDER BY happened, name LIMIT 20) AS {0}{1}", name, end);
}

std::string events_part(const Statement& s, const std::string& from) {
  std::string out =
      "WITH event AS ( SELECT event_date AS day, user_pseudo_id AS client, user_id AS member, "
      "event_timestamp AS happened, event_name AS name, geo.country AS country, ";
  out += parameter("ga_session_id", "int_value") + " AS session, ";
  out += parameter("ga_session_number", "int_value") + " AS session_number, ";
  out += parameter("page_location") + " AS page, " + parameter("page_referrer") + " AS referrer, ";
  out += raw_source(s.names_collected) + last_click(s.names_last_click) + first_touch(s.names_first_touch);
  out += key_values("event_params", "event_keys", "event_values") + ", ";
  out += key_values("user_properties", "user_keys", "user_values");
  return out + " FROM `" + from + "`" + (s.is_history() ? " WHERE _TABLE_SUFFIX BETWEEN @from AND @to" : "") + " ), ";
}

std::string marked_part() {
  std::string has;
  for (const char* name : {"source", "medium", "campaign", "gclid", "dclid", "srsltid"})
    has += fmt::format("{} IS NOT NULL OR ", name);
  return "marked AS ( SELECT *, client IS NULL OR session IS NULL AS loose, " + has +
         "EXISTS(SELECT 1 FROM UNNEST(@click_parameters) AS parameter WHERE STRPOS(page, CONCAT(parameter, '=')) > 0) "
         "AS has_campaign FROM event ) ";
}

std::string visits_part(const Statement& s) {
  const std::string begins =
      "COUNTIF(name IN UNNEST(@events)) > 0 OR FORMAT_TIMESTAMP('%Y%m%d', SAFE.TIMESTAMP_SECONDS(session), @zone) = "
      "day";
  std::string out = "SELECT day, client, session, MIN(happened) AS started, IF(loose OR " + begins +
                    ", 1, 0) AS begins, MAX(session_number) AS session_number, ";
  out += first_of("member", "member") + first_of("country", "country");
  out += first_of("IF(page IS NULL, NULL, STRUCT(page, referrer))", "landing");
  out +=
      "ARRAY_AGG(IF(has_campaign, STRUCT(happened, page, referrer, source, medium, campaign, campaign_id, term, "
      "content, gclid, dclid, srsltid), NULL) IGNORE NULLS ORDER BY happened, name LIMIT 20) AS campaigns, ";
  out += first_of("IF(ads.campaign_id IS NULL, NULL, ads)", "ads");
  out += first_of("IF(last.source IS NULL, NULL, last)", "last");
  out += first_of("IF(first.source IS NULL, NULL, first)", "first");
  out += values_of("event_values", ", ") + values_of("user_values", " ");
  out +=
      "FROM marked GROUP BY day, client, session, loose, IF(loose, page, NULL) HAVING (LOGICAL_OR(has_campaign) OR "
      "(NOT loose AND (" +
      begins + ")))";
  if (s.of_people)
    out +=
        " AND (client IN UNNEST(@clients) OR LOGICAL_OR(member IN UNNEST(@members)) OR LOGICAL_OR(gclid IN "
        "UNNEST(@clicks)))";
  return out;
}

std::string collapsed(std::string_view sql) {
  std::string out;
  for (const char c : sql) {
    const bool is_space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!is_space)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

/// "project.dataset.table" between the first backticks.
std::string table_in(const std::string& sql) {
  const std::size_t open = sql.find('`'), close = sql.find('`', open == std::string::npos ? open : open + 1);
  return close == std::string::npos ? std::string() : sql.substr(open + 1, close - open - 1);
}

}  // namespace

std::variant<Statement, Fault> recognise(const std::string& sql) {
  const std::string text = collapsed(sql), from = table_in(text);
  const auto parts = split(from, '.');
  if (parts.size() != 3) return invalid_query("Syntax error: Table name must be qualified with a dataset.");
  Statement s{.project = std::string(parts[0]), .dataset = std::string(parts[1]), .table = std::string(parts[2])};
  s.names_collected = text.find("collected_traffic_source.") != std::string::npos;
  s.names_last_click = text.find("session_traffic_source_last_click.") != std::string::npos;
  s.names_first_touch = text.find("STRUCT(traffic_source.") != std::string::npos;
  s.of_people = text.find("@clients") != std::string::npos;
  const std::string known = events_part(s, from) + marked_part() + visits_part(s);
  if (collapsed(known) == text) return s;
  const auto [at, unused] = std::mismatch(text.begin(), text.end(), known.begin(), known.end());
  return invalid_query(
      fmt::format("Syntax error: Unexpected text at [1:{}]; this simulator knows the statements of the "
                  "touches alone",
                  at - text.begin() + 1));
}

}  // namespace hw::sandbox::bigquery
