#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "http/client.h"

/// What every exchange with a token endpoint shares: the form it is asked by, and how its answer is read. Of an answer
/// nothing is ever quoted but a plain error code: the rest may hold secrets.
namespace hw::http {

/// Posts to a token endpoint.
using PostToken = std::function<Result<Response>(const Request&, const std::stop_token&)>;

/// Adds name=value, encoded; nothing when the value is empty.
void add_field(std::string& form, std::string_view name, std::string_view value);

Request token_request(const std::string& token_url, std::string form);

/// One word of visible ASCII, as a token must be to stand in a header.
bool is_token(std::string_view text);

/// "access_denied", "" for what is no plain error code.
std::string plain_code(std::string_view text);

struct TokenAnswer {
  Secret access_token;
  Duration life{};                       ///< from expires_in
  Secret refresh_token;                  ///< empty when the answer holds none
  std::optional<Duration> refresh_life;  ///< from refresh_token_expires_in
};

/// `mend` says how to mend a refusal by the endpoint's error code ("invalid_grant", "" if it gave none). Errors: pause
/// "credential" when it refuses, retry "token_answer" when the answer is unreadable, and those of classify_status.
Result<TokenAnswer> read_token_answer(const Response& response, const std::string& token_url, SystemTime now,
                                      const std::function<std::string(std::string_view code)>& mend);

}  // namespace hw::http
