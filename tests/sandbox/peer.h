#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/timestamp.h"
#include "sandbox/world.h"

/// A vendor's API as its simulator speaks it. Lives in the connector's folder (peer.cpp) and may link this frame, base
/// and model, never the connector: one misreading of a vendor must not satisfy both.
namespace hw::sandbox {

struct HttpRequest {
  std::string method, path;                    ///< path below the peer's prefix: "/v1/events:ingest"
  std::map<std::string, std::string> query;    ///< decoded
  std::map<std::string, std::string> headers;  ///< names lower-cased
  std::string body;
};
struct HttpResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Content-Type defaults to application/json
  std::string body;
};

/// What a platform believes of one dedup key, after its own dedup and correction rules.
struct Belief {
  std::string account, action, key, currency;
  std::int64_t micros = 0;  ///< what counts now (0 after a final zero)
  std::int64_t count = 1;   ///< conversions counted under the key
  std::string state;        ///< "counted", "final_zero", "refused:CODE", "processing"
};

/// One field of a CRM record that the API has ever written, as it stands now.
struct WrittenField {
  std::string object, id, field, value;  ///< object and field in the CRM's own names: "contacts", "hw_first_source"
  bool by_api = true;                    ///< false: somebody changed it afterwards
  int writes = 0;                        ///< how often the API has set it
};

/// Called under one lock: no peer needs its own.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual std::string name() const = 0;  ///< prefix of its paths: "hubspot" serves http://127.0.0.1:PORT/hubspot/...
  virtual HttpResponse handle(const HttpRequest&) = 0;
  /// The world's clock has moved to now: let asynchronous work happen.
  virtual void advance(Timestamp now) = 0;
  /// When the peer itself next has something to do (a diagnosis 30 minutes later); max() = nothing.
  virtual Timestamp next_event() const { return Timestamp::max(); }
  virtual std::vector<Belief> believed() const { return {}; }
  /// What a CRM holds in the fields that were written to it, by object, id and field; archived and merged records too.
  virtual std::vector<WrittenField> written() const { return {}; }
};

/// Defined by each connector's peer: `std::unique_ptr<Peer> make_X_peer(World&)`; tests/sandbox/peers.cpp lists them.
using MakePeer = std::unique_ptr<Peer> (*)(World&);

}  // namespace hw::sandbox
