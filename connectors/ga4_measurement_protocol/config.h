#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "connect/connector.h"

/// GA4 Measurement Protocol: what an admin may set. README.md explains each.
namespace hw::connectors::ga4_measurement_protocol {

/// The one list of options: parsing, schema, reference page and completion come from it.
std::vector<connect::OptionDecl> option_decls();
/// The identifiers that events carry, and the cookies of Google Analytics that keep them.
connect::Vocabulary vocabulary();

/// Options as values. Vendor limits are defaults and stand with their source in config.cpp.
struct Config {
  std::string base_url;
  Secret api_secret;            ///< stands in the URL of every request, and nowhere else
  Duration time_margin{};       ///< events leave this long before the 72 hours are over
  Duration session_timeout{};   ///< so long after its start a session is taken to go on
  bool purchase_dedup = false;  ///< a repeated transaction id is relied upon to count once
};

/// Reads parsed options; what the declarations cannot judge goes to `errors`.
Config read_config(const connect::Options& options, std::vector<connect::OptionError>& errors);

/// A web stream is named by its measurement id ("G-XXXX"), an app stream by its Firebase app id ("1:234:android:5ab").
enum class StreamKind : std::uint8_t { web, app };
StreamKind stream_kind(std::string_view account);

/// What an event of such a stream is told of by: the client or app instance first, then its session.
std::vector<std::string> client_types(StreamKind kind);

/// "" when `id` is a measurement id or a Firebase app id; else what is wrong and how to mend it.
std::string account_fault(std::string_view id);

/// "" when account and action (the event's name) of a destination can be sent; else the first fault.
std::string target_fault(const connect::Target& target);

/// So old may an event be when it leaves: 72 hours less the margin.
Duration oldest(const Config& config);

}  // namespace hw::connectors::ga4_measurement_protocol
