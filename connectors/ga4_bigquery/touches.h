#pragma once
#include <vector>

#include "connect/connector.h"
#include "connectors/ga4_bigquery/config.h"
#include "connectors/ga4_bigquery/json_access.h"

namespace hw::connectors::ga4_bigquery {

/// What rows become touches by.
struct Mapping {
  const Config& config;
  const connect::Normaliser& normaliser;
  const connect::Vocabulary& vocabulary;
};

/// The touches of one visit (statements.h): the visit itself, and one for each further click or campaign address inside
/// it, since GA4 begins no new session for these. Of a session that began on an earlier day (begins = 0) these alone:
/// what is on a page and within a day of the session's start, since servers report of old sessions too. A visit that
/// carries no identifier at all gives none.
///
/// Source, in this order: the first event's raw values (a "google / organic" beside an ad click's id is GA4's reading
/// of an untagged address and gives way); utm_* of the page's address; what a click id proves; for a user's first
/// session GA4's first-touch record; with direct_sessions: last_click GA4's last non-direct source. Campaign and its id
/// of an ad click come from the ads record. Addresses lose query and fragment; an identifier that is an e-mail address
/// is hashed.
void add_touches(const json& visit, const Mapping& mapping, std::vector<Touch>& out,
                 std::vector<connect::RejectedRow>& rejected);

}  // namespace hw::connectors::ga4_bigquery
