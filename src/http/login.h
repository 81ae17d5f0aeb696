#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "http/refresh_token.h"
#include "http/token_form.h"

namespace hw::http {

/// One login of a person: an authorization code (RFC 6749 section 4.1) with proof key (RFC 7636, S256) and a redirect
/// to loopback (RFC 8252). The person opens url(); the vendor sends their browser to the redirect address with a code,
/// which comes back by a listener there or by hand, and is exchanged for a refresh token.
class Login {
 public:
  /// @param redirect_url  "http://localhost:8975/callback"
  Login(Credential credential, LoginPlace place, std::string redirect_url);

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] const std::string& redirect_url() const { return redirect_url_; }

  /// The code in the query ("code=...&state=...") that a browser brought to the redirect address. Errors: "wrong_state"
  /// (the answer to another login, or nobody's), "access_denied", "login_refused" (any other of the vendor's errors),
  /// "no_code".
  [[nodiscard]] Result<Secret> code_from(std::string_view query) const;

  /// The code in what a person pasted: the address that the browser ended on, or the code alone. White space is
  /// dropped. Errors as above.
  [[nodiscard]] Result<Secret> code_from_paste(std::string_view text) const;

  struct Given {
    RefreshToken token;
    std::optional<Duration> life;  ///< of the token, if the answer told
  };
  /// Errors: pause "credential" (refused), "no_refresh_token", and the wire's.
  Result<Given> exchange(const Secret& code, SystemTime now, const PostToken& post, const std::stop_token& stop) const;

 private:
  [[nodiscard]] std::string mend(std::string_view code) const;

  const Credential credential_;
  const LoginPlace place_;
  const std::string redirect_url_;
  const std::string state_;
  const Secret verifier_;
  std::string url_;
};

/// "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM": the proof of a verifier that may be shown to everybody (S256).
std::string proof_of(const Secret& verifier);

}  // namespace hw::http
