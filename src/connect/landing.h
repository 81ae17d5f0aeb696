#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "connect/identifiers.h"
#include "model/touch.h"

/// What the address of a landing page says of its visit. Pure and thread-safe.
namespace hw::connect {

/// A UTM text as it may be kept: white space trimmed and collapsed, cut at 255 bytes (never inside a UTF-8 character),
/// and "" for what means nothing: "(not set)", "(direct)", "(none)", "(not provided)", "null", "undefined" and macros
/// that the ad platform never filled in ("{keyword}", "{{campaign.name}}", "${CAMPAIGN}", "__CID__").
std::string utm_text(std::string_view raw);

/// The parameters of a URL's query and then of its fragment that carry marketing.
struct Landing {
  std::string source, medium, campaign, campaign_id, term, content;  ///< explicit utm_* alone; "" = absent
  std::vector<Identifier> identifiers;  ///< click ids and others that stand in URLs, in the order of the URL
};

/// The first occurrence of a parameter wins, in the query before the fragment; percent signs are decoded once, "+" only
/// in utm_* texts. "&amp;" is read as "&": CRMs store addresses escaped. Click-id names are those of the vocabulary.
Landing read_landing(const Vocabulary& vocabulary, std::string_view url);

/// Fills what `touch` does not say itself: source and medium as one pair, each other UTM field alone, and the
/// identifiers it has none of that type of yet.
void add_landing(const Landing& landing, Touch& touch);

/// When the touch has neither source nor medium: what its first click id proves (an ad platform and cpc; of some a
/// source without medium). The referrer is left to the journey.
void imply_source(const Vocabulary& vocabulary, Touch& touch);

/// The address without user name, query and fragment, which may hold e-mail addresses. Text that is no address is kept.
std::string page_of(std::string_view url);

}  // namespace hw::connect
