#include "settings/conditions.h"

#include <fmt/format.h>

#include <array>
#include <set>

#include "base/text.h"

namespace hw::settings {
namespace {

using connect::OptionError;
using connect::Options;
using Op = Condition::Op;

constexpr const char* kForms =
    "a value, a list of values, present, absent, '> 0', '>= 0', '< 0', '<= 0', 'not VALUE' or {not: [VALUE, VALUE]}";

/// -1, 0, 1, or nothing when the two are not of one kind.
template <class T>
std::optional<int> order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

/// Spares most texts the parsers, which would build an Error for each.
bool starts_like_a_number(std::string_view s) {
  return !s.empty() &&
         ((s.front() >= '0' && s.front() <= '9') || s.front() == '-' || s.front() == '+' || s.front() == '.');
}

std::optional<int> compare(std::string_view a, std::string_view b) {
  if (!starts_like_a_number(a) || !starts_like_a_number(b)) return std::nullopt;
  const auto x = parse_micros(a), y = parse_micros(b);
  if (x && y) return order(*x, *y);
  const auto s = instant(a, Zone::utc()), t = instant(b, Zone::utc());
  if (s && t) return order(*s, *t);
  return std::nullopt;
}

bool same(const std::string& a, const std::string& b) { return a == b || compare(a, b) == 0; }

bool one_of(const std::string& value, const std::vector<std::string>& values) {
  for (const std::string& v : values) {
    if (same(value, v)) return true;
  }
  return false;
}

bool holds_for(const Condition& c, const std::string& value) {
  const bool present = !value.empty();
  const auto ordered = [&] { return present && !c.values.empty() ? compare(value, c.values.front()) : std::nullopt; };
  switch (c.op) {
    case Op::equals:
    case Op::in:
      return present && one_of(value, c.values);
    case Op::not_equals:
    case Op::not_in:
      return !present || !one_of(value, c.values);
    case Op::present:
      return present;
    case Op::absent:
      return !present;
    case Op::less:
      return ordered() == -1;
    case Op::greater:
      return ordered() == 1;
    case Op::not_less:
      return ordered().value_or(-1) >= 0;
    case Op::not_greater:
      return ordered().value_or(1) <= 0;
  }
  return false;
}

struct OpName {
  Op op;
  std::string_view name;
};
constexpr std::array<OpName, 10> kOps{{{Op::equals, "="},
                                       {Op::not_equals, "not"},
                                       {Op::in, "in"},
                                       {Op::not_in, "not in"},
                                       {Op::present, "present"},
                                       {Op::absent, "absent"},
                                       {Op::not_less, ">="},
                                       {Op::not_greater, "<="},
                                       {Op::less, "<"},
                                       {Op::greater, ">"}}};

std::string_view name_of(Op op) {
  for (const OpName& o : kOps) {
    if (o.op == op) return o.name;
  }
  return {};
}

/// Reads one field's entry; every error is told with the place of the part that is wrong.
class FieldReader {
 public:
  FieldReader(const Node::Entry& entry, std::vector<Options>& out, std::vector<OptionError>& errors)
      : entry_(entry), out_(out), errors_(errors) {}

  void read() {
    const Node& value = entry_.value;
    switch (value.kind) {
      case Node::Kind::null:
        fail(value, "nothing");
        return;
      case Node::Kind::scalar:
        scalar(value);
        return;
      case Node::Kind::list:
        add(Op::in, texts(value));
        return;
      case Node::Kind::map:
        negated_or_literal(value);
        return;
    }
  }

 private:
  void fail(const Node& node, const std::string& found) {
    errors_.push_back({node.at, fmt::format("condition on '{}': expected {}, found {}", entry_.key, kForms, found)});
  }

  void add(Op op, std::vector<std::string> values) {
    if (values.empty() && op != Op::present && op != Op::absent) return;  // told already
    Options read;
    read.at = entry_.value.at;
    read.set("field", entry_.key);
    read.set("op", std::string(name_of(op)));
    read.set("values", std::move(values));
    out_.push_back(std::move(read));
  }

  std::vector<std::string> texts(const Node& node) {
    std::vector<std::string> out;
    if (node.kind == Node::Kind::list && node.items.empty()) fail(node, "an empty list");
    for (const Node& item : node.items) {
      if (item.kind == Node::Kind::scalar && !item.text.empty()) {
        out.push_back(item.text);
      } else {
        fail(item, describe(item) + " in the list");
      }
    }
    if (node.kind == Node::Kind::scalar) out.push_back(node.text);
    return out;
  }

  void scalar(const Node& node) {
    const std::string_view text = trim(node.text);
    if (text.empty()) return fail(node, "an empty text; write absent for a field without value");
    if (text == "present" || text == "not absent") return add(Op::present, {});
    if (text == "absent" || text == "not present") return add(Op::absent, {});
    if (text.front() == '<' || text.front() == '>') return bounds(node, text);
    if (!text.starts_with("not ")) return add(Op::equals, {node.text});
    const std::string_view rest = trim(text.substr(4));
    if (rest.empty() || rest.front() == '[' || rest.starts_with("in [")) return fail(node, describe(node));
    add(Op::not_equals, {std::string(rest)});
  }

  void bounds(const Node& node, std::string_view text) {
    const auto both = text.find(" and ");
    bound(node, trim(text.substr(0, both)));
    if (both != std::string_view::npos) bound(node, trim(text.substr(both + 5)));
  }

  void bound(const Node& node, std::string_view text) {
    for (const OpName& o : kOps) {
      if ((o.name.front() != '<' && o.name.front() != '>') || !text.starts_with(o.name)) continue;
      const std::string value(trim(text.substr(o.name.size())));
      if (!parse_micros(value) && !instant(value, Zone::utc())) break;
      return add(o.op, {value});
    }
    errors_.push_back(
        {node.at, fmt::format("condition on '{}': expected a number or a time after <, <=, > or >=, such as "
                              "'> 0' or '>= 2026-01-31', found {}",
                              entry_.key, describe(node))});
  }

  void negated_or_literal(const Node& map) {
    if (map.entries.size() != 1 || (map.entries[0].key != "not" && map.entries[0].key != "is"))
      return fail(map, "a map");
    const auto& [key, at, value] = map.entries[0];
    const bool list = value.kind == Node::Kind::list;
    if (!list && value.kind != Node::Kind::scalar) return fail(value, describe(value));
    const Op op = key == "not" ? (list ? Op::not_in : Op::not_equals) : (list ? Op::in : Op::equals);
    add(op, texts(value));
  }

  const Node::Entry& entry_;
  std::vector<Options>& out_;
  std::vector<OptionError>& errors_;
};

}  // namespace

/// Times are told from other text before they are parsed: most values are none.
std::optional<SystemTime> instant(std::string_view text, const Zone& zone) {
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  auto read = read_time(text, zone);
  if (!read) return std::nullopt;
  if (!read->date_only) return read->at;
  auto midnight = read_time(std::string(text) + " 00:00:00", zone);
  return midnight ? std::optional(midnight->at) : std::nullopt;
}

std::vector<Options> read_conditions(const Node& map, std::vector<OptionError>& errors) {
  std::vector<Options> out;
  std::set<std::string> seen;
  for (const Node::Entry& entry : map.entries) {
    if (!seen.insert(entry.key).second) {
      errors.push_back(
          {entry.at,
           fmt::format("a condition on '{}' stands here twice; write two bounds as '>= 1 and < 5'", entry.key)});
      continue;
    }
    FieldReader(entry, out, errors).read();
  }
  return out;
}

Condition condition(const Options& read) {
  Condition c;
  c.field = read.text("field");
  c.values = read.list("values");
  for (const OpName& o : kOps) {
    if (o.name == read.text("op")) c.op = o.op;
  }
  return c;
}

Condition placed_in(Condition c, const Zone& zone) {
  const bool bound = c.op == Op::less || c.op == Op::greater || c.op == Op::not_less || c.op == Op::not_greater;
  if (!bound) return c;
  for (std::string& value : c.values) {
    if (parse_micros(value)) continue;
    if (const auto at = instant(value, zone)) value = rfc3339(*at);
  }
  return c;
}

namespace {

const Condition* first_unmet(const std::vector<Condition>& conditions,
                             const std::map<std::string, std::string>& fields) {
  static const std::string kAbsent;
  for (const Condition& c : conditions) {
    const auto found = fields.find(c.field);
    if (!holds_for(c, found == fields.end() ? kAbsent : found->second)) return &c;
  }
  return nullptr;
}

}  // namespace

bool holds(const std::vector<Condition>& conditions, const std::map<std::string, std::string>& fields) {
  return first_unmet(conditions, fields) == nullptr;
}

std::string unmet(const std::vector<Condition>& conditions, const std::map<std::string, std::string>& fields) {
  const Condition* c = first_unmet(conditions, fields);
  if (c == nullptr) return {};
  std::string values;
  for (const std::string& v : c->values) values += (values.empty() ? " " : ", ") + v;
  return c->field + " " + std::string(name_of(c->op)) + values;
}

}  // namespace hw::settings
