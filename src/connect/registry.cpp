#include "connect/registry.h"

#include <algorithm>
#include <stdexcept>

namespace hw::connect {
namespace {

/// Do they mean the same? Each connector may help people in its own words; the first one's are shown.
bool same(const IdentifierDecl& a, const IdentifierDecl& b) {
  return a.type == b.type && a.kind == b.kind && a.url_parameter == b.url_parameter &&
         a.implied_source == b.implied_source && a.implied_medium == b.implied_medium;
}

bool same(const CookieDecl& a, const CookieDecl& b) {
  return a.name == b.name && a.layout == b.layout && a.type == b.type;
}

void merge_identifier(Vocabulary& into, const IdentifierDecl& d) {
  const IdentifierDecl* const known = into.find(d.type);
  if (known == nullptr) {
    into.identifiers.push_back(d);
  } else if (!same(*known, d)) {
    throw std::logic_error("two connectors declare the identifier type '" + d.type + "' differently");
  }
}

void merge_cookie(Vocabulary& into, const CookieDecl& d) {
  const auto known = std::find_if(into.cookies.begin(), into.cookies.end(),
                                  [&](const CookieDecl& c) { return c.name == d.name && c.type == d.type; });
  if (known == into.cookies.end()) {
    into.cookies.push_back(d);
  } else if (!same(*known, d)) {
    throw std::logic_error("two connectors read the cookie '" + d.name + "' differently");
  }
}

}  // namespace

const IdentifierDecl* Vocabulary::find(std::string_view type) const {
  const auto it = std::find_if(identifiers.begin(), identifiers.end(), [&](const auto& d) { return d.type == type; });
  return it == identifiers.end() ? nullptr : &*it;
}

Registry::Registry(std::vector<ConnectorType> types) : types_(std::move(types)) {
  for (std::size_t i = 0; i < types_.size(); ++i) {
    if (find(types_[i].name) != &types_[i]) throw std::logic_error("two connectors are named '" + types_[i].name + "'");
    for (const IdentifierDecl& d : types_[i].vocabulary.identifiers) merge_identifier(vocabulary_, d);
    for (const CookieDecl& d : types_[i].vocabulary.cookies) merge_cookie(vocabulary_, d);
  }
}

const ConnectorType* Registry::find(std::string_view name) const {
  const auto it = std::find_if(types_.begin(), types_.end(), [&](const ConnectorType& t) { return t.name == name; });
  return it == types_.end() ? nullptr : &*it;
}

const char* to_string(Verdict v) {
  switch (v) {
    case Verdict::accepted:
      return "accepted";
    case Verdict::already_received:
      return "already_received";
    case Verdict::retry:
      return "retry";
    case Verdict::reject_row:
      return "reject_row";
    case Verdict::reject_batch:
      return "reject_batch";
    case Verdict::pause:
      return "pause";
  }
  return "";
}

}  // namespace hw::connect
