#include "connectors/hubspot/source.h"

#include <fmt/format.h>

#include <algorithm>

namespace hw::connectors::hubspot {

namespace {

using std::chrono::seconds;

constexpr std::size_t kListPage = 100;    // largest page of a list
constexpr std::size_t kSearchPage = 200;  // largest page of a search (CRM reference 2.3)
constexpr std::string_view kArchived = "archived_";
constexpr std::string_view kOpenDeals = "open_deal_associations";

std::size_t page_size(std::size_t limit, std::size_t largest) { return std::clamp<std::size_t>(limit, 1, largest); }

Timestamp whole_second(Timestamp t) { return std::chrono::floor<seconds>(t); }

Error paging_stuck() {
  return Error{Action::retry, "paging_stuck", "HubSpot repeated a page that had been read", {}, false};
}

/// The highest id: pages may come out of order, ids must still grow from page to page or the read would go in circles.
Result<std::string> highest_after(const std::vector<std::string>& ids, const std::string& before) {
  std::string highest = *std::max_element(ids.begin(), ids.end(), id_less);
  if (!before.empty() && !id_less(before, highest)) return paging_stuck();
  return highest;
}

template <class Rows>
void append(Rows&& from, std::vector<Record>& to) {
  for (auto& row : from) to.emplace_back(std::move(row));
}

/// A record's account is its primary company.
void set_accounts(connect::Page<Record>& page) {
  std::map<RecordRef, RecordRef> accounts;
  for (const Record& row : page.rows) {
    const auto* tied = std::get_if<Association>(&row);
    if (tied == nullptr || tied->to_object != Object::account) continue;
    for (const Association::To& to : tied->to)
      if (to.primary) accounts[tied->from] = {tied->from.crm, Object::account, to.id};
  }
  for (Record& row : page.rows) {
    auto* state = std::get_if<RecordState>(&row);
    if (state == nullptr) continue;
    if (auto it = accounts.find(state->ref); it != accounts.end()) state->account = it->second;
  }
}

void append(std::vector<connect::RejectedRow>&& from, std::vector<connect::RejectedRow>& to) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

}  // namespace

Result<std::vector<std::string>> RecordReader::streams(Context) {
  return std::vector<std::string>{"companies",
                                  "contacts",
                                  "deals",
                                  "archived_companies",
                                  "archived_contacts",
                                  "archived_deals",
                                  std::string(kOpenDeals)};
}

Result<RecordReader::Page> RecordReader::pull(std::string_view stream, const connect::Cursor& cursor, std::size_t limit,
                                              Context context) {
  if (const ObjectPlan* plan = config_.plan(stream)) {
    Result<Position> position = read_position(cursor);
    if (!position) return position.error();
    return position->listing ? pull_list(*plan, std::move(*position), limit, context)
                             : pull_window(*plan, std::move(*position), limit, context);
  }
  Result<Round> round = read_round(cursor);
  if (!round) return round.error();
  if (stream == kOpenDeals) return pull_open_deals(std::move(*round), limit, context);
  if (stream.starts_with(kArchived))
    if (const ObjectPlan* plan = config_.plan(stream.substr(kArchived.size())))
      return pull_archived(*plan, std::move(*round), limit, context);
  return Error{Action::pause, "stream", fmt::format("hubspot has no stream '{}'", stream), {}, false};
}

// --------------------------------------------------------------------------------------------- changes

Result<RecordReader::Page> RecordReader::pull_list(const ObjectPlan& plan, Position position, std::size_t limit,
                                                   const Context& context) {
  Result<http::Response> response =
      api_.get(list_path(config_, plan.type, /*archived=*/false, page_size(limit, kListPage), position.after), context);
  if (!response) return response.error();
  Result<IdPage> ids = decode_ids(response->body);
  if (!ids) return ids.error();
  // What changes while the list is read is found by the first window, which begins before the first page.
  if (!position.mark) position.mark = whole_second(api_.server_now(*response) - config_.search_lag);
  Page page;
  if (Status ok = add_records(plan, ids->ids, page, context); !ok) return ok.error();
  if (!ids->after.empty() && ids->after == position.after) return paging_stuck();
  position.after = ids->after;
  position.listing = !position.after.empty();
  page.next = write(position);
  page.more = true;
  return page;
}

template <class MakeBody>
Result<http::Response> RecordReader::search(const ObjectPlan& plan, SortForm& sorts, MakeBody make_body,
                                            const Context& context) {
  const std::string path = search_path(config_, plan.type);
  Result<http::Response> response = api_.search(path, make_body(sorts), context);
  if (response || response.error().code != "http_400") return response;
  const SortForm other = sorts == SortForm::object ? SortForm::text : SortForm::object;
  Result<http::Response> second = api_.search(path, make_body(other), context);
  if (!second) return response;
  sorts = other;
  return second;
}

Result<http::Response> RecordReader::search_window(const ObjectPlan& plan, Position& position, std::size_t limit,
                                                   const Context& context) {
  auto body = [&](SortForm form) {
    return window_search(plan, *position.mark - config_.overlap, *position.until, position.last_id,
                         page_size(limit, kSearchPage), form);
  };
  Result<http::Response> response = search(plan, position.sorts, body, context);
  if (!response || !position.last_id.empty()) return response;
  const Timestamp safe = whole_second(api_.server_now(*response) - config_.search_lag);
  constexpr seconds kTolerated = seconds(60);
  if (*position.until <= safe && safe - *position.until < kTolerated) return response;
  // This machine's clock is wrong: a window that ends too late would pass over rows that the index does not show yet.
  position.until = std::max(safe, *position.mark);
  return search(plan, position.sorts, body, context);
}

Result<RecordReader::Page> RecordReader::pull_window(const ObjectPlan& plan, Position position, std::size_t limit,
                                                     const Context& context) {
  Page page;
  if (!position.until) {
    // One second earlier, since a Date header has whole seconds and the answer takes a moment. Never before the mark,
    // or a slow clock here would go unnoticed: only an answer tells it.
    const Timestamp here = whole_second(env_.clock.system_now() - config_.search_lag - seconds(1));
    position.until = std::max(here, *position.mark);
  }
  Result<http::Response> response = search_window(plan, position, limit, context);
  if (!response) return response.error();
  Result<IdPage> ids = decode_ids(response->body);
  if (!ids) return ids.error();
  if (Status ok = add_records(plan, ids->ids, page, context); !ok) return ok.error();
  if (ids->ids.empty() || (ids->after.empty() && ids->ids.size() < page_size(limit, kSearchPage))) {
    position.mark = *position.until;
    position.until.reset();
    position.last_id.clear();
    page.sweep_complete = true;
  } else {
    Result<std::string> highest = highest_after(ids->ids, position.last_id);
    if (!highest) return highest.error();
    position.last_id = *highest;
    page.more = true;
  }
  page.next = write(position);
  return page;
}

// ---------------------------------------------------------------------------------------------- rounds

namespace {

/// The page of a round that is not due yet. (One that is due later than a round from now on was made due by a clock
/// that has been set back.)
std::optional<connect::Page<Record>> not_due(const Round& round, Timestamp now, Duration every) {
  if (round.open || !round.due || now >= *round.due || *round.due > now + every) return {};
  connect::Page<Record> page;
  page.next = write(round);
  page.sweep_complete = true;
  return page;
}

void go_on(Round& round, std::string after, connect::Page<Record>& page) {
  round.open = true;
  round.after = std::move(after);
  page.more = true;
  page.next = write(round);
}

void finish(Round& round, Timestamp due, connect::Page<Record>& page) {
  round.open = false;
  round.after.clear();
  round.due = due;
  page.sweep_complete = true;
  page.next = write(round);
}

}  // namespace

Result<RecordReader::Page> RecordReader::pull_archived(const ObjectPlan& plan, Round round, std::size_t limit,
                                                       const Context& context) {
  const Timestamp now = env_.clock.system_now();
  if (std::optional<Page> early = not_due(round, now, config_.archived_every)) return std::move(*early);
  Result<http::Response> response =
      api_.get(list_path(config_, plan.type, /*archived=*/true, page_size(limit, kListPage), round.after), context);
  if (!response) return response.error();
  Result<ArchivedPage> archived = decode_archived(response->body, plan, config_.crm);
  if (!archived) return archived.error();
  Page page;
  append(std::move(archived->removals), page.rows);
  append(std::move(archived->rejected), page.rejected);
  if (!archived->after.empty() && archived->after == round.after) return paging_stuck();
  if (archived->after.empty()) {
    finish(round, now + config_.archived_every, page);
  } else {
    go_on(round, std::move(archived->after), page);
  }
  return page;
}

Result<RecordReader::Page> RecordReader::pull_open_deals(Round round, std::size_t limit, const Context& context) {
  const Timestamp now = env_.clock.system_now();
  if (std::optional<Page> early = not_due(round, now, config_.open_deals_every)) return std::move(*early);
  const ObjectPlan& plan = config_.deals;
  const std::size_t size = page_size(limit, kSearchPage);
  auto body = [&](SortForm form) { return open_deals_search(round.after, size, form); };
  Result<http::Response> response = search(plan, round.sorts, body, context);
  if (!response) return response.error();
  Result<IdPage> ids = decode_ids(response->body);
  if (!ids) return ids.error();
  Page page;
  for (const std::string& to : plan.ties)
    if (Status ok = add_ties(plan, to, ids->ids, page, context); !ok) return ok.error();
  if (ids->ids.empty() || (ids->after.empty() && ids->ids.size() < size)) {
    finish(round, now + config_.open_deals_every, page);
    return page;
  }
  Result<std::string> highest = highest_after(ids->ids, round.after);
  if (!highest) return highest.error();
  go_on(round, std::move(*highest), page);
  return page;
}

// --------------------------------------------------------------------------------------------- details

Status RecordReader::add_records(const ObjectPlan& plan, const std::vector<std::string>& ids, Page& page,
                                 const Context& context) {
  const std::size_t batch = plan.history.empty() ? config_.read_batch : config_.history_batch;
  std::vector<std::string> seen;
  std::string currency = config_.company_currency;
  for (std::size_t i = 0; i < ids.size(); i += batch) {
    const std::span<const std::string> part(ids.data() + i, std::min(batch, ids.size() - i));
    Result<http::Response> response =
        api_.post(batch_read_path(config_, plan.type), batch_read_body(plan, part), context);
    if (!response) return response.error();
    Result<Batch> read = decode_batch(response->body, plan, {config_.crm, env_.normaliser, env_.vocabulary});
    if (!read) return read.error();
    if (Status ok = fill_currency(*read, currency, context); !ok) return ok;
    for (const RecordState& s : read->states) seen.push_back(s.ref.id);
    // Merges first: what the survivor took over from a loser is then known to be the loser's.
    append(std::move(read->merges), page.rows);
    append(std::move(read->states), page.rows);
    append(std::move(read->changes), page.rows);
    append(std::move(read->rejected), page.rejected);
  }
  for (const std::string& to : plan.ties)
    if (Status ok = add_ties(plan, to, seen, page, context); !ok) return ok;
  set_accounts(page);
  return {};
}

Result<std::string> RecordReader::read_company_currency(const Context& context) {
  Result<http::Response> response = api_.get(company_currency_path(config_), context);
  if (response) return decode_company_currency(response->body);
  if (response.error().action != Action::pause) return response.error();
  return Error{
      Action::pause,
      "company_currency",
      "deals carry no currency and the portal's cannot be read; set company_currency (" + response.error().detail + ")",
      {},
      false};
}

/// A deal without a currency of its own is in the company's: configured, or asked for once by a page that needs it.
Status RecordReader::fill_currency(Batch& batch, std::string& currency, const Context& context) {
  for (RecordState& s : batch.states) {
    auto it = s.fields.find("currency");
    if (it == s.fields.end() || !it->second.empty()) continue;
    if (currency.empty()) {
      Result<std::string> code = read_company_currency(context);
      if (!code) return code.error();
      currency = *code;
    }
    it->second = currency;
  }
  return {};
}

namespace {

/// All ties of a batch of records, gathered over the pages of an answer.
struct Gathered {
  std::map<std::string, std::vector<Association::To>> ties;
  std::set<std::string> unreadable;
  bool all_named = true;
};

/// Takes one answer in; what it names as continued is asked for next.
Result<std::vector<TieInput>> gather(TiesAnswer&& answer, const std::vector<TieInput>& asked, Gathered& all) {
  std::vector<TieInput> next;
  for (auto& [id, found] : answer.found) {
    std::move(found.to.begin(), found.to.end(), std::back_inserter(all.ties[id]));
    if (found.after.empty()) continue;
    const bool repeated = std::any_of(
        asked.begin(), asked.end(),
        [&, &tied = id, &after = found.after](const TieInput& in) { return in.id == tied && in.after == after; });
    if (repeated) return paging_stuck();
    next.push_back({id, found.after});
  }
  all.unreadable.insert(answer.unreadable.begin(), answer.unreadable.end());
  all.all_named = all.all_named && answer.all_named;
  return next;
}

}  // namespace

Result<std::map<std::string, std::vector<Association::To>>> RecordReader::read_ties(const ObjectPlan& plan,
                                                                                    const std::string& to,
                                                                                    std::span<const std::string> ids,
                                                                                    Page& page,
                                                                                    const Context& context) {
  Gathered all;
  std::vector<TieInput> inputs;
  for (const std::string& id : ids) inputs.push_back({id, ""});
  while (!inputs.empty()) {
    Result<http::Response> response = api_.post(ties_path(config_, plan.type, to), ties_body(inputs), context);
    if (!response) return response.error();
    Result<TiesAnswer> answer = decode_ties(response->body);
    if (!answer) return answer.error();
    Result<std::vector<TieInput>> next = gather(std::move(*answer), inputs, all);
    if (!next) return next.error();
    inputs = std::move(*next);
  }
  for (const std::string& id : all.unreadable) {
    all.ties.erase(id);
    page.rejected.push_back({fmt::format("{}/{}", plan.type, id), "associations",
                             fmt::format("its associations with {} cannot be read", to)});
  }
  // A record that the answer neither shows nor names in an error has no ties.
  for (const std::string& id : ids)
    if (all.all_named && !all.unreadable.contains(id)) all.ties.try_emplace(id);
  return std::move(all.ties);
}

Status RecordReader::add_ties(const ObjectPlan& plan, const std::string& to, const std::vector<std::string>& ids,
                              Page& page, const Context& context) {
  const Object to_object = config_.plan(to)->object;
  for (std::size_t i = 0; i < ids.size(); i += config_.association_batch) {
    const std::span<const std::string> part(ids.data() + i, std::min(config_.association_batch, ids.size() - i));
    auto ties = read_ties(plan, to, part, page, context);
    if (!ties) return ties.error();
    for (auto& [id, list] : *ties) {
      if (list.size() == 1) list.front().primary = true;
      Association association;
      association.from = {config_.crm, plan.object, id};
      association.to_object = to_object;
      association.to = std::move(list);
      association.complete = true;
      page.rows.emplace_back(std::move(association));
    }
  }
  return {};
}

}  // namespace hw::connectors::hubspot
