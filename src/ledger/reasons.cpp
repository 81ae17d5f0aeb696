#include "ledger/reasons.h"

#include <array>
#include <string_view>
#include <utility>

namespace hw::ledger {
namespace {

constexpr std::array<std::pair<Reason, const char*>, 19> kReasons{{
    {Reason::not_wanted, "not_wanted"},
    {Reason::before_go_live, "before_go_live"},
    {Reason::excluded_by_goal, "excluded_by_goal"},
    {Reason::no_value, "no_value"},
    {Reason::not_positive, "not_positive"},
    {Reason::merged, "merged"},
    {Reason::gone, "gone"},
    {Reason::consent, "consent"},
    {Reason::expired, "expired"},
    {Reason::no_identifier, "no_identifier"},
    {Reason::history_pending, "history_pending"},
    {Reason::too_recent, "too_recent"},
    {Reason::settling, "settling"},
    {Reason::braked, "braked"},
    {Reason::waiting, "waiting"},
    {Reason::rejected, "rejected"},
    {Reason::platform_counts_once, "platform_counts_once"},
    {Reason::lost_by_final_retraction, "lost_by_final_retraction"},
    {Reason::uncorrectable, "uncorrectable"},
}};

constexpr std::array<std::pair<State, const char*>, 6> kStates{{
    {State::taken, "taken"},
    {State::missing, "missing"},
    {State::excess, "excess"},
    {State::none, "none"},
    {State::uncertain, "uncertain"},
    {State::unlocated, "unlocated"},
}};

template <class Table, class E>
const char* name_in(const Table& table, E value) {
  for (const auto& [v, name] : table)
    if (v == value) return name;
  return "";
}

template <class E, class Table>
std::optional<E> find_in(const Table& table, std::string_view text) {
  for (const auto& [v, name] : table)
    if (text == name) return v;
  return std::nullopt;
}

}  // namespace

const char* to_string(Reason reason) { return name_in(kReasons, reason); }
std::optional<Reason> reason_from(std::string_view text) { return find_in<Reason>(kReasons, text); }
const char* to_string(State state) { return name_in(kStates, state); }
std::optional<State> state_from(std::string_view text) { return find_in<State>(kStates, text); }

}  // namespace hw::ledger
