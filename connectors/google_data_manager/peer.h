#pragma once
#include <memory>

#include "sandbox/peer.h"

namespace hw::sandbox {

/// Google's Data Manager API as its documentation has it, and its token endpoint:
///   GET  /o/oauth2/v2/auth           the sign-in page, as a person's browser sees it; codes are good once, for 10 min
///   POST /token                      authorization_code, refresh_token and jwt-bearer (RS256, scope datamanager);
///                                    tokens live 3600 s
///   POST /v1/events:ingest           all or nothing, every violation named; 300 a minute, 100,000 a day
///   GET  /v1/requestStatus:retrieve  counts alone; 300 a minute, 50,000 a day
/// Requests are judged 30 minutes after they came, against the world's clicks. A repeated transaction id overwrites
/// value and currency; zero is final. Beliefs: state "counted", "not_counted" (a second conversion on one click where
/// the action counts one), "final_zero", "refused:CODE", "processing".
std::unique_ptr<Peer> make_google_data_manager_peer(World& world);

}  // namespace hw::sandbox
