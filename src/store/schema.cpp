#include "store/schema.h"

#include <array>

namespace hw::store {
namespace {

constexpr const char* kFirst = R"sql(
CREATE TABLE meta(key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) {strict};

-- Sources: one cursor per connector, role and stream.
CREATE TABLE cursor(connector TEXT NOT NULL, role TEXT NOT NULL, stream TEXT NOT NULL, text TEXT NOT NULL,
  swept_at {int}, updated_at {int} NOT NULL, again_at {int}, PRIMARY KEY(connector, role, stream)) {clustered};
CREATE TABLE rejected_row(connector TEXT NOT NULL, role TEXT NOT NULL, stream TEXT NOT NULL, place TEXT NOT NULL,
  code TEXT NOT NULL, detail TEXT NOT NULL, first_at {int} NOT NULL, last_at {int} NOT NULL, times {int} NOT NULL,
  PRIMARY KEY(connector, role, stream, place, code)) {clustered};

-- CRM records: the last state seen, and what is known of it through time (append-only).
CREATE TABLE record(id {id}, crm TEXT NOT NULL, object TEXT NOT NULL, ext_id TEXT NOT NULL, connector TEXT NOT NULL,
  modified {int} NOT NULL, created {int}, content_hash {int} NOT NULL, learned {int} NOT NULL, changed {int} NOT NULL,
  state TEXT NOT NULL, merged_into {int}, lineage TEXT NOT NULL, converted_from {int}, account_id {int},
  masked_email TEXT NOT NULL, country TEXT NOT NULL, region TEXT NOT NULL, city TEXT NOT NULL, postal_code TEXT NOT NULL,
  ad_user_data TEXT NOT NULL, ad_personalization TEXT NOT NULL, consent_at {int},
  fields TEXT NOT NULL, hashes TEXT NOT NULL, identifiers TEXT NOT NULL, click_times TEXT NOT NULL,
  UNIQUE(crm, object, ext_id)) {strict};
CREATE INDEX record_lineage ON record(lineage);
CREATE INDEX record_merged ON record(merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX record_converted ON record(converted_from) WHERE converted_from IS NOT NULL;
CREATE TABLE fact(record_id {int} NOT NULL, seq {int} NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
  true_from {int} NOT NULL, learned {int} NOT NULL, basis TEXT NOT NULL, PRIMARY KEY(record_id, seq)) {clustered};
CREATE TABLE association(from_id {int} NOT NULL, to_id {int} NOT NULL, role TEXT NOT NULL, is_primary {int} NOT NULL,
  since {int} NOT NULL, learned {int} NOT NULL, withdrawn {int}, PRIMARY KEY(from_id, to_id)) {clustered};
CREATE INDEX association_to ON association(to_id, from_id);
CREATE TABLE id_alias(crm TEXT NOT NULL, object TEXT NOT NULL, loser_id TEXT NOT NULL, winner_id TEXT NOT NULL,
  since {int} NOT NULL, learned {int} NOT NULL, withdrawn {int}, PRIMARY KEY(crm, object, loser_id, winner_id)) {clustered};
CREATE TABLE rate(from_currency TEXT NOT NULL, to_currency TEXT NOT NULL, true_from {int} NOT NULL, micros {int} NOT NULL,
  learned {int} NOT NULL, PRIMARY KEY(from_currency, to_currency, true_from)) {clustered};

-- Touches. id = seconds << 30 | 30-bit hash of (connector, key): no other index is needed to insert or find one again.
CREATE TABLE touch(id {int} NOT NULL PRIMARY KEY, connector TEXT NOT NULL, key TEXT NOT NULL, at {int} NOT NULL,
  learned {int} NOT NULL, withdrawn {int}, basis TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, medium TEXT NOT NULL,
  campaign TEXT NOT NULL, campaign_id TEXT NOT NULL, term TEXT NOT NULL, content TEXT NOT NULL, landing_page TEXT NOT NULL,
  referrer TEXT NOT NULL, country TEXT NOT NULL, channel TEXT NOT NULL, identifiers TEXT NOT NULL, part TEXT,
  record_id {int}) {strict};
CREATE INDEX touch_record ON touch(record_id) WHERE record_id IS NOT NULL;
CREATE INDEX touch_part ON touch(connector, part) WHERE part IS NOT NULL;
-- bucket = at / 30 days; clustered so that new rows go to the warm end.
CREATE TABLE touch_index(bucket {int} NOT NULL, id_hash {int} NOT NULL, touch_id {int} NOT NULL,
  PRIMARY KEY(bucket, id_hash, touch_id)) {clustered};
CREATE TABLE spend(connector TEXT NOT NULL, key TEXT NOT NULL, day {int} NOT NULL, account TEXT NOT NULL, source TEXT NOT NULL,
  medium TEXT NOT NULL, campaign TEXT NOT NULL, campaign_id TEXT NOT NULL, channel TEXT NOT NULL, micros {int} NOT NULL,
  currency TEXT NOT NULL, clicks {int} NOT NULL, impressions {int} NOT NULL, learned {int} NOT NULL, part TEXT,
  PRIMARY KEY(connector, key)) {clustered};

-- Identity: only what a CRM record knows or what is linked to it. Links are the truth, person_id caches their components.
CREATE TABLE identifier(id {id}, type TEXT NOT NULL, value TEXT NOT NULL, person_id {int} NOT NULL,
  quarantined {int} NOT NULL, UNIQUE(type, value)) {strict};
CREATE INDEX identifier_person ON identifier(person_id);
CREATE TABLE link(a {int} NOT NULL, b {int} NOT NULL, evidence TEXT NOT NULL, learned {int} NOT NULL, true_from {int} NOT NULL,
  withdrawn {int}, PRIMARY KEY(a, b, evidence)) {clustered};
CREATE INDEX link_b ON link(b, a);
CREATE INDEX link_evidence ON link(evidence);
-- Identifiers whose touches are not all followed yet: those above after_touch are to come.
CREATE TABLE unfollowed(identifier_id {int} NOT NULL PRIMARY KEY, after_touch {int} NOT NULL) {strict};

-- Identifiers whose history a source is asked for. Unanswered: answered_at IS NULL.
CREATE TABLE lookup_queue(connector TEXT NOT NULL, identifier_id {int} NOT NULL, state TEXT NOT NULL, queued_at {int} NOT NULL,
  asked_at {int}, answered_at {int}, ask_at {int}, PRIMARY KEY(connector, identifier_id)) {clustered};
CREATE INDEX lookup_queue_due ON lookup_queue(connector, state, ask_at, identifier_id);

-- What must be looked at again. A pass deletes only the seq it read.
CREATE TABLE dirty_subject(record_id {int} NOT NULL PRIMARY KEY, seq {int} NOT NULL, cause TEXT NOT NULL) {strict};
CREATE INDEX dirty_seq ON dirty_subject(seq);

-- The ledger.
CREATE TABLE conversion(id {id}, dedup_id TEXT NOT NULL UNIQUE, goal TEXT NOT NULL, record_id {int} NOT NULL,
  lineage TEXT NOT NULL, occurrence {int} NOT NULL, entered_at {int} NOT NULL, at {int} NOT NULL, at_basis TEXT NOT NULL,
  created_at {int} NOT NULL, UNIQUE(goal, record_id, occurrence)) {strict};
CREATE INDEX conversion_record ON conversion(record_id);
CREATE INDEX conversion_lineage ON conversion(lineage, goal);
CREATE TABLE standing(conversion_id {int} NOT NULL, destination TEXT NOT NULL, goal TEXT NOT NULL, state TEXT NOT NULL,
  reason TEXT NOT NULL, detail TEXT NOT NULL, t_micros {int} NOT NULL, t_currency TEXT NOT NULL, b_micros {int} NOT NULL,
  b_currency TEXT NOT NULL, b_low {int} NOT NULL, b_high {int} NOT NULL, crm_micros {int} NOT NULL, crm_currency TEXT NOT NULL,
  changed_at {int} NOT NULL, look_again_at {int}, flags TEXT NOT NULL, story TEXT NOT NULL,
  held_by {int}, range_currency TEXT NOT NULL, PRIMARY KEY(conversion_id, destination)) {clustered};
CREATE INDEX standing_due ON standing(look_again_at) WHERE look_again_at IS NOT NULL;
CREATE INDEX standing_held ON standing(held_by) WHERE held_by IS NOT NULL;
CREATE INDEX standing_reason ON standing(destination, reason, goal);
CREATE TABLE upload(id {id}, conversion_id {int} NOT NULL, destination TEXT NOT NULL, revision {int} NOT NULL,
  operation TEXT NOT NULL, mode TEXT NOT NULL, state TEXT NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL,
  value_micros {int}, currency TEXT NOT NULL, item TEXT NOT NULL, dedup_key TEXT NOT NULL, made_at {int} NOT NULL,
  not_before {int} NOT NULL, expires_at {int} NOT NULL, next_at {int} NOT NULL, attempts {int} NOT NULL,
  first_attempt_at {int}, last_attempt_at {int}, received_at {int}, processed_at {int}, request_id {int},
  consent TEXT NOT NULL, account TEXT NOT NULL, action TEXT NOT NULL, click_type TEXT NOT NULL, click_value TEXT NOT NULL,
  person {int}, conversion_at {int}, backfill {int} NOT NULL DEFAULT 0,
  UNIQUE(conversion_id, destination, revision)) {strict};
CREATE INDEX upload_click ON upload(click_value) WHERE click_value <> '';
CREATE INDEX upload_due ON upload(destination, backfill, next_at) WHERE state IN ('pending', 'retrying');
CREATE INDEX upload_backfilled ON upload(destination, last_attempt_at) WHERE backfill = 1;
CREATE INDEX upload_in_flight ON upload(destination) WHERE state = 'in_flight';
CREATE INDEX upload_key ON upload(dedup_key);
CREATE INDEX upload_request ON upload(request_id) WHERE request_id IS NOT NULL;
CREATE INDEX upload_person ON upload(person) WHERE person IS NOT NULL;
CREATE INDEX upload_retrying ON upload(destination) WHERE state = 'retrying';
CREATE TABLE request(id {id}, destination TEXT NOT NULL, receipt TEXT NOT NULL, row_count {int} NOT NULL, sent_at {int} NOT NULL,
  next_poll_at {int}, polls {int} NOT NULL, verdict TEXT NOT NULL) {strict};
CREATE INDEX request_open ON request(destination, next_poll_at) WHERE next_poll_at IS NOT NULL;
CREATE TABLE upload_event(id {id}, upload_id {int} NOT NULL, at {int} NOT NULL, from_state TEXT NOT NULL, to_state TEXT NOT NULL,
  code TEXT NOT NULL, detail TEXT NOT NULL, actor TEXT NOT NULL) {strict};
CREATE INDEX upload_event_upload ON upload_event(upload_id);
CREATE TABLE ledger_total(destination TEXT NOT NULL, goal TEXT NOT NULL, currency TEXT NOT NULL, line TEXT NOT NULL,
  reason TEXT NOT NULL, n {int} NOT NULL, micros {int} NOT NULL, PRIMARY KEY(destination, goal, currency, line, reason)) {clustered};
CREATE TABLE chosen_click(lineage TEXT NOT NULL, platform TEXT NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL,
  at {int} NOT NULL, at_basis TEXT NOT NULL, chosen_at {int} NOT NULL, PRIMARY KEY(lineage, platform)) {clustered};
CREATE TABLE lowering(id {id}, destination TEXT NOT NULL, at {int} NOT NULL, conversion_id {int} NOT NULL,
  micros {int} NOT NULL, currency TEXT NOT NULL) {strict};
CREATE INDEX lowering_at ON lowering(destination, at);
CREATE TABLE brake(id {id}, destination TEXT NOT NULL, braked_at {int} NOT NULL, approved_at {int}, approved_by TEXT NOT NULL,
  released_at {int}) {strict};
-- Source fields written to CRM records. hash: of the value that Headwater wrote last; intended: of the one it is about
-- to write; group_at: time of the touch that a field speaks of.
CREATE TABLE written_field(record_id {int} NOT NULL, field TEXT NOT NULL, what TEXT NOT NULL, hash {int}, intended {int},
  group_at {int}, written_at {int} NOT NULL, PRIMARY KEY(record_id, field)) {clustered};
-- The last values of each field that were written or may have been: whatever of them a record holds is no evidence.
CREATE TABLE written_value(record_id {int} NOT NULL, field TEXT NOT NULL, hash {int} NOT NULL, what TEXT NOT NULL,
  written_at {int} NOT NULL, PRIMARY KEY(record_id, field, hash)) {clustered};
CREATE TABLE source_field_state(name TEXT NOT NULL, record_id {int} NOT NULL, state TEXT NOT NULL, code TEXT NOT NULL,
  detail TEXT NOT NULL, tries {int} NOT NULL, next_at {int}, updated_at {int} NOT NULL, marks {int} NOT NULL,
  PRIMARY KEY(name, record_id)) {clustered};
CREATE INDEX source_field_due ON source_field_state(name, next_at) WHERE next_at IS NOT NULL;

CREATE TABLE go_live(scope TEXT NOT NULL, name TEXT NOT NULL, at {int} NOT NULL, PRIMARY KEY(scope, name)) {clustered};
-- History that is to be sent although it lies before go-live, in the mode that it was asked for in.
CREATE TABLE backfill(id {id}, goal TEXT NOT NULL, destination TEXT NOT NULL, from_at {int} NOT NULL, to_at {int} NOT NULL,
  per_hour {int} NOT NULL, actor TEXT NOT NULL, created_at {int} NOT NULL, mode TEXT NOT NULL,
  UNIQUE(goal, destination, mode, from_at, to_at)) {strict};
-- Between a backup and its restore: nobody knows what was sent.
CREATE TABLE restored_gap(id {id}, from_at {int} NOT NULL, to_at {int} NOT NULL) {strict};

-- The service: commands for the holder of the lock, vendor budgets, pauses.
CREATE TABLE command(id {id}, kind TEXT NOT NULL, args TEXT NOT NULL, actor TEXT NOT NULL, created_at {int} NOT NULL,
  done_at {int}, result TEXT NOT NULL) {strict};
CREATE INDEX command_open ON command(id) WHERE done_at IS NULL;
CREATE TABLE state(key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) {strict};
CREATE TABLE pause(scope TEXT NOT NULL, name TEXT NOT NULL, since {int} NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL,
  retry_at {int}, PRIMARY KEY(scope, name)) {clustered};
)sql";

/// What changed an upload, when, why and by whom: written once, never again.
constexpr const char* kAudit = R"sql(
{sqlite} CREATE TRIGGER upload_event_no_update BEFORE UPDATE ON upload_event BEGIN SELECT RAISE(ABORT, 'upload_event is append-only'); END;
{sqlite} CREATE TRIGGER upload_event_no_delete BEFORE DELETE ON upload_event BEGIN SELECT RAISE(ABORT, 'upload_event is append-only'); END;
{postgres} CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$;
{postgres} CREATE TRIGGER upload_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON upload_event FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
)sql";

/// What is tried again by itself is told from what waits for a person; refused source fields are found by index.
constexpr const char* kTriedAgain = R"sql(
ALTER TABLE pause ADD COLUMN retrying {int} NOT NULL DEFAULT 0;
CREATE INDEX source_field_by_state ON source_field_state(name, state, code);
)sql";

constexpr std::array<Migration, 3> kMigrations{
    {{1, "first", kFirst}, {2, "audit", kAudit}, {3, "tried_again", kTriedAgain}}};

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

}  // namespace hw::store
