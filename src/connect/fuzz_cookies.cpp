#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "connect/cookies.h"
#include "connect/landing.h"

// Texts of a browser: one cookie read by every layout, and an address. What comes out is fit to be kept and, read again
// as an identifier would be, no longer than it may be.
namespace {

using namespace hw;
using namespace hw::connect;

const Vocabulary& vocabulary() {
  static const Vocabulary kVocabulary = {
      {{"click", IdKind::click, "click", "search", "cpc", ""}, {"c", IdKind::click, "c", "", "", ""}},
      {{"x", "after_second_dot", "a"},
       {"x", "session", "b"},
       {"x", "whole", "c"},
       {"x", "fbc_like", "d"},
       {"x", "gcl_like", "e"},
       {"x", "strip_prefix:_uet", "f"},
       {"x*", "whole", "g"}}};
  return kVocabulary;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const CookieValue& value : read_cookie(vocabulary(), "x", text)) require(fit_for_identifier(value.id.value));
  Touch touch;
  add_landing(read_landing(vocabulary(), text), touch);
  imply_source(vocabulary(), touch);
  for (const Identifier& id : touch.identifiers) require(fit_for_identifier(id.value));
  for (const std::string* field : {&touch.campaign, &touch.campaign_id, &touch.term, &touch.content}) {
    require(field->size() <= 255 && utm_text(*field) == *field);
  }
  require(page_of(text).find_first_of("?#") == std::string::npos);
  return 0;
}
