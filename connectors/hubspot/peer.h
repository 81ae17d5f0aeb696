#pragma once
#include <memory>

#include "sandbox/peer.h"

namespace hw::sandbox {

/// HubSpot's API as its documentation has it (CRM reference section 2; HubSpot's published OpenAPI files of 2026-09),
/// served from the World's CRM: lists, search, batch reads and updates, associations, properties, pipelines, company
/// currency, the sign-in page and tokens. What it does not serve it answers 404, what is not documented 400. Figures
/// that HubSpot does not publish are those of the reference: search index 20 s behind, 20 versions of a deal's property
/// and 45 of a contact's, archived records kept 90 days. A page of associations holds two, so that paging is exercised.
/// The portal's currency is EUR. Neutral property names become HubSpot's (lifecycle -> lifecyclestage, gclid ->
/// hs_google_click_id, ...); any other property of the world is a custom property of the same name. Of an update the
/// whole is refused when one value does not fit its property or a rule of the admin's is broken; records that are not
/// there are named in a 207. Times come back with milliseconds, however they were written.
std::unique_ptr<Peer> make_hubspot_peer(World& world);

}  // namespace hw::sandbox
