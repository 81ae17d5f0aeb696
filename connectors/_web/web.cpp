#include "connectors/_web/web.h"

namespace hw::connectors {
namespace {

using connect::IdKind;

connect::IdentifierDecl click(const std::string& type, std::string source, std::string medium, std::string help) {
  return {type, IdKind::click, type, std::move(source), std::move(medium), std::move(help)};
}

connect::IdentifierDecl other(std::string type, IdKind kind, std::string help) {
  return {std::move(type), kind, "", "", "", std::move(help)};
}

// Types that a built connector declares too stand here word for word as there: a CSV file may hold any of them,
// whichever connectors a configuration uses, and the registry refuses two readings of one type.
std::vector<connect::IdentifierDecl> identifiers() {
  return {
      click("gclid", "google", "cpc", "Google Ads click id"),
      click("gbraid", "google", "cpc", "Google Ads click id of iOS, web to app"),
      click("wbraid", "google", "cpc", "Google Ads click id of iOS, app to web"),
      click("dclid", "", "display", "Google display click id"),
      click("msclkid", "bing", "cpc", "Microsoft click id"),
      // Organic links carry an fbclid too: it proves the source and leaves open whether the click was paid.
      click("fbclid", "facebook", "", "Meta click id, case-sensitive"),
      click("li_fat_id", "linkedin", "cpc", "LinkedIn click id (a UUID)"),
      click("ttclid", "tiktok", "cpc", "TikTok click id"),
      click("twclid", "", "", "X (Twitter) click id"),
      click("rdt_cid", "", "", "Reddit click id"),
      click("epik", "", "", "Pinterest click id"),
      click("ScCid", "", "", "Snapchat click id"),
      click("yclid", "", "", "Yandex click id"),
      other("fbc", IdKind::click, "Meta's _fbc cookie, whole"),
      other("fbp", IdKind::client, "Meta's _fbp cookie, whole"),
      other("ga_client_id", IdKind::client, "Google Analytics client id, such as 1162820436.1749482504"),
      other("ga_session_id", IdKind::client, "Google Analytics session id, such as 1747132561"),
      other("user_id", IdKind::user, "your own user id, as the web site tells it to analytics"),
      other("meta_lead_id", IdKind::lead_form, "id of a Meta lead form's lead, 15 to 17 digits"),
      other("linkedin_lead_id", IdKind::lead_form, "id of a LinkedIn lead gen form's response"),
      other("google_lead_id", IdKind::lead_form, "id of a Google lead form's lead"),
      other("tiktok_lead_id", IdKind::lead_form, "id of a TikTok instant form's lead"),
  };
}

}  // namespace

connect::Vocabulary web_vocabulary() {
  return {identifiers(),
          {
              {"_ga", "after_second_dot", "ga_client_id"},
              {"_ga_*", "session", "ga_session_id"},
              {"_fbp", "whole", "fbp"},
              {"_fbc", "whole", "fbc"},
              {"_fbc", "fbc_like", "fbclid"},
              {"_gcl_aw", "gcl_like", "gclid"},
              {"_gcl_gb", "gcl_like", "wbraid"},
              {"_gcl_ag", "gcl_like", "gbraid"},
              {"_uetmsclkid", "strip_prefix:_uet", "msclkid"},
              {"li_fat_id", "whole", "li_fat_id"},
              {"ttclid", "whole", "ttclid"},
          }};
}

}  // namespace hw::connectors
