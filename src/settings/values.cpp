#include "settings/values.h"

#include <fmt/format.h>

#include "base/text.h"
#include "model/money.h"
#include "settings/scalars.h"

namespace hw::settings {
namespace {

Error no_value(std::string detail) { return {.action = Action::pause, .code = "option", .detail = std::move(detail)}; }

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string_view word : split(text, ' ')) {
    if (!trim(word).empty()) out.emplace_back(trim(word));
  }
  return out;
}

/// What somebody meant who left out the first word: "150 EUR", "20%".
std::string first_word_for(std::string_view text) {
  for (const char* first : {"fixed", "share"}) {
    const std::string whole = fmt::format("{} {}", first, trim(text));
    if (parse_value_rule(whole)) return fmt::format("; did you mean '{}'?", whole);
  }
  return "";
}

Result<std::int64_t> positive(const std::string& number) {
  auto micros = parse_micros(number);
  if (!micros || *micros <= 0)
    return no_value(fmt::format("expected a number above zero after fixed, found '{}'", number));
  return *micros;
}

Result<ValueRule> fixed(const std::vector<std::string>& w) {
  if (w.size() < 2 || w.size() > 3)
    return no_value("expected fixed NUMBER or fixed NUMBER CURRENCY, such as fixed 150 EUR");
  auto micros = positive(w[1]);
  if (!micros) return micros.error();
  ValueRule rule{.kind = ValueRule::Kind::fixed, .field = "", .micros = *micros, .millionths = 0, .currency = {}};
  if (w.size() == 2) return rule;
  auto currency = Currency::parse(w[2]);
  if (!currency)
    return no_value(fmt::format("expected a currency code of ISO 4217 after the number, found '{}'", w[2]));
  rule.currency = *currency;
  return rule;
}

Result<ValueRule> share(const std::vector<std::string>& w) {
  if (w.size() == 1) return no_value("share needs a percentage, such as share 20%");
  auto part = parse_share(w[1]);
  if (w.size() > 2 || !part || *part <= 0 || *part > 1'000'000) {
    return no_value(
        fmt::format("expected share with a percentage from above 0% to 100%, such as share 20%, found '{}'", w[1]));
  }
  if (!w[1].ends_with('%'))
    return no_value(fmt::format("the share needs a percent sign: share {}%", decimal(*part * 100, 0)));
  return ValueRule{.kind = ValueRule::Kind::share, .field = "", .micros = 0, .millionths = *part, .currency = {}};
}

}  // namespace

Result<ValueRule> parse_value_rule(std::string_view text) {
  const std::vector<std::string> w = words(text);
  const std::string kind = w.empty() ? "" : w[0];
  ValueRule rule;
  if (kind == "fixed") return fixed(w);
  if (kind == "share") return share(w);
  if (kind == "field" && w.size() == 2) {
    rule.kind = ValueRule::Kind::field;
    rule.field = w[1];
    return rule;
  }
  if (kind == "field") return no_value("field needs the name of one CRM field, such as field contract_value");
  if (w.size() == 1 && kind == "amount") {
    rule.kind = ValueRule::Kind::amount;
    return rule;
  }
  if (w.size() == 1 && kind == "none") return rule;
  const std::string near = nearest(kind, {"none", "amount", "field", "fixed", "share"});
  return no_value(
      fmt::format("expected none, amount, field NAME, fixed NUMBER or share PERCENT, found '{}'{}", text,
                  near.empty() || near == kind ? first_word_for(text) : fmt::format("; did you mean '{}'?", near)));
}

Result<std::optional<std::int64_t>> parse_missing_value(std::string_view text) {
  if (text == "withhold") return std::optional<std::int64_t>();
  const std::vector<std::string> w = words(text);
  if (w.size() != 2 || w[0] != "fixed") {
    return no_value(fmt::format("expected withhold or fixed NUMBER, found '{}'{}", text,
                                w.size() == 1 && parse_micros(w[0]) ? first_word_for(text) : ""));
  }
  auto micros = positive(w[1]);
  if (!micros) return micros.error();
  return std::optional<std::int64_t>(*micros);
}

Result<CountRule> parse_count(std::string_view text) {
  const std::vector<std::string> w = words(text);
  if (w.size() == 1 && w[0] == "once_per_lineage") return CountRule{};
  if (w.size() == 1 && w[0] == "each") return CountRule{.count = Goal::Count::each, .within = {}};
  if (!w.empty() && w[0] == "once_per_person") {
    auto span = w.size() == 3 && w[1] == "within" ? parse_duration(w[2]) : parse_duration("");
    if (span && *span > Duration::zero()) return CountRule{.count = Goal::Count::once_per_person, .within = *span};
    return no_value(fmt::format(
        "expected once_per_person within a number of days, such as once_per_person within 30d, found '{}'", text));
  }
  return no_value(fmt::format("expected once_per_lineage, once_per_person within 30d, or each, found '{}'", text));
}

}  // namespace hw::settings
