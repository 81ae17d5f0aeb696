#include "journey/channels.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <unordered_map>

#include "base/mutex.h"
#include "base/text.h"
#include "identity/domain.h"
#include "identity/placeholders.h"
#include "journey/channel_file.h"

namespace hw::journey {
namespace {

constexpr std::size_t kLongest = 255;  ///< UTM values are cut there
constexpr std::size_t kMemoEntries = 8192;

/// Trimmed, inner white space collapsed, cut, lower case; "" when it says nothing.
std::string plain(std::string_view raw) {
  if (identity::is_placeholder(raw)) return {};
  std::string out;
  for (char c : trim(raw)) {
    bool is_space = c == ' ' || (c >= '\t' && c <= '\r');
    if (is_space && out.ends_with(' ')) continue;
    out += is_space ? ' ' : c;
  }
  out.resize(std::min(out.size(), kLongest));
  return to_lower_utf8(out);
}

bool is_in(std::string_view host, const std::vector<std::string>& hosts) {
  return std::any_of(hosts.begin(), hosts.end(), [&](const std::string& listed) {
    return host == listed ||
           (host.size() > listed.size() && host.ends_with(listed) && host[host.size() - listed.size() - 1] == '.');
  });
}

bool is_own(const std::string& host, const std::set<std::string>& own_domains) {
  const std::string domain = identity::registrable_domain(host);
  return std::any_of(own_domains.begin(), own_domains.end(), [&](const std::string& own) {
    const std::string own_domain = identity::registrable_domain(own);
    return own_domain.empty() ? host == identity::host_of(own) : domain == own_domain;
  });
}

struct Values {
  const std::string &source, &medium, &campaign, &category;
};

bool holds(const Condition& condition, const Values& values) {
  const std::string& value = condition.on == Condition::On::source     ? values.source
                             : condition.on == Condition::On::medium   ? values.medium
                             : condition.on == Condition::On::campaign ? values.campaign
                                                                       : values.category;
  auto any = [&](auto test) { return std::any_of(condition.values.begin(), condition.values.end(), test); };
  switch (condition.test) {
    case Condition::Test::is:
      return any([&](const std::string& v) { return value == v; });
    case Condition::Test::matches:
      return std::regex_match(value, condition.pattern);
    case Condition::Test::contains:
      return any([&](const std::string& v) { return value.find(v) != std::string::npos; });
    case Condition::Test::ends:
      return any([&](const std::string& v) { return value.ends_with(v); });
  }
  return false;
}

bool holds(const Rule& rule, const Values& values) {
  return std::any_of(rule.any.begin(), rule.any.end(), [&](const Alternative& all) {
    return std::all_of(all.begin(), all.end(), [&](const Condition& c) { return holds(c, values); });
  });
}

}  // namespace

/// A site has few combinations of source, medium and campaign, and many touches of each.
struct ChannelRules::Memo {
  Mutex mu;
  std::unordered_map<std::string, std::string> channels GUARDED_BY(mu);
};

ChannelRules::ChannelRules(std::unique_ptr<ChannelData> data)
    : data_(std::move(data)), memo_(std::make_unique<Memo>()) {}
ChannelRules::ChannelRules(ChannelRules&&) noexcept = default;
ChannelRules& ChannelRules::operator=(ChannelRules&&) noexcept = default;
ChannelRules::~ChannelRules() = default;

std::variant<ChannelRules, ChannelRules::Errors> ChannelRules::load(std::string_view text, const std::string& file) {
  if (!is_valid_utf8(text))
    return Errors{{{file, first_line_not_utf8(text), 1}, "this line is not UTF-8; save the file as UTF-8"}};
  Errors errors;
  auto data = std::make_unique<ChannelData>(read_channel_file(text, file, errors));
  if (!errors.empty()) return errors;
  return ChannelRules(std::move(data));
}

ChannelRules ChannelRules::built_in() {
  auto loaded = load(built_in_text(), "channels.yaml");
  if (const Errors* errors = std::get_if<Errors>(&loaded)) {
    std::fprintf(stderr, "the built-in channel rules are broken: %s\n", connect::to_string(errors->front()).c_str());
    std::abort();
  }
  return std::move(std::get<ChannelRules>(loaded));
}

std::string ChannelRules::category(std::string_view source) const {
  auto at = data_->categories.find(to_lower_utf8(trim(source)));
  return at == data_->categories.end() ? std::string() : at->second;
}

std::string ChannelRules::decide(const std::string& source, const std::string& medium,
                                 const std::string& campaign) const {
  const std::string of_source = category(source);
  const Values values{source, medium, campaign, of_source};
  for (const Rule& rule : data_->rules) {
    if (holds(rule, values)) return rule.channel;
  }
  return data_->otherwise;
}

std::string ChannelRules::channel(const Touch& touch) const {
  std::string source = plain(touch.source), medium = plain(touch.medium);
  const std::string campaign = plain(touch.campaign);
  if (source.empty()) {
    source = "(direct)";
    if (medium.empty()) medium = "(none)";
  }
  const std::string key = source + '\n' + medium + '\n' + campaign;
  {
    MutexLock lock(memo_->mu);
    if (auto known = memo_->channels.find(key); known != memo_->channels.end()) return known->second;
  }
  std::string found = decide(source, medium, campaign);
  MutexLock lock(memo_->mu);
  if (memo_->channels.size() >= kMemoEntries) memo_->channels.clear();
  memo_->channels.emplace(key, found);
  return found;
}

bool ChannelRules::fill_from_referrer(Touch& touch, const std::set<std::string>& own_domains) const {
  std::string host = identity::host_of(touch.referrer);
  if (host.starts_with("www.")) host = host.substr(4);
  if (host.find('.') == std::string::npos || is_own(host, own_domains) || is_in(host, data_->ignored)) return false;
  auto fill = [&](std::string source, const char* medium) {
    touch.source = std::move(source);
    touch.medium = medium;
    return true;
  };
  if (starts_with_ci(trim(touch.referrer), "android-app:") || starts_with_ci(trim(touch.referrer), "ios-app:"))
    return fill(host, "app");
  if (is_in(host, data_->webmail)) return fill(host, "email");
  if (is_in(host, data_->assistants)) return fill(host, "ai-assistant");
  const std::string domain = identity::registrable_domain(host);
  for (const std::string& name : {host, domain.substr(0, domain.find('.'))}) {
    const std::string kind = category(name);
    if (kind == "search") return fill(name, "organic");
    if (kind == "social") return fill(name, "social");
    if (kind == "video") return fill(name, "video");
  }
  return fill(host, "referral");
}

void ChannelRules::normalise_source(Touch& touch, const connect::Vocabulary& vocabulary,
                                    const std::set<std::string>& own_domains) const {
  if (!plain(touch.source).empty() || !plain(touch.medium).empty()) return;
  for (const Identifier& identifier : touch.identifiers) {
    const connect::IdentifierDecl* decl = vocabulary.find(identifier.type);
    if (decl == nullptr || (decl->implied_source.empty() && decl->implied_medium.empty())) continue;
    touch.source = decl->implied_source;
    touch.medium = decl->implied_medium;
    return;
  }
  if (fill_from_referrer(touch, own_domains)) return;
  touch.source = "(direct)";
  touch.medium = "(none)";
}

}  // namespace hw::journey
