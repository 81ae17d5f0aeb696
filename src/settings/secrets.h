#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

/// Secrets stand in a configuration as references, never as values:
///   ${env:NAME}         an environment variable
///   ${file:PATH}        a file that only its owner can read; a relative path counts from the main file's directory
///   ${credential:NAME}  a systemd credential (LoadCredential=NAME:PATH of the unit); where there are none, as in a
///                       shell or a container, the file NAME in the directory `secrets` beside the main file
/// One line break at the end of a file or credential is dropped.
namespace hw::settings {

/// True when the text is, or was meant to be, such a reference.
bool looks_like_reference(std::string_view text);

/// The code of an error by which this process cannot tell whether the secret is there for another: a variable or
/// credentials that it was not given, a file that its user may not see.
inline constexpr const char* kUnseenSecret = "secret_unseen";

class SecretSource {
 public:
  /// @param credentials_directory  systemd's $CREDENTIALS_DIRECTORY, "" when there is none
  /// @param base_dir  where relative ${file:} paths begin
  /// @param resolve   false: only the form is checked, and every reference gives an empty Secret
  SecretSource(std::string credentials_directory, std::string base_dir, bool resolve);
  /// Error code "secret" or kUnseenSecret: the detail says what is wrong and how to mend it, and never holds the text
  /// given.
  [[nodiscard]] Result<Secret> read(std::string_view text) const;

 private:
  [[nodiscard]] Result<Secret> from_file(const std::string& name) const;
  [[nodiscard]] Result<Secret> from_credential(const std::string& name) const;
  [[nodiscard]] Result<Secret> without_systemd(const std::string& name) const;

  std::string credentials_directory_, base_dir_;
  bool resolve_;
};

/// `path` as it is when absolute, else below `base_dir`.
std::string below(const std::string& base_dir, const std::string& path);

}  // namespace hw::settings
