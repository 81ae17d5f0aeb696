#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connect/registry.h"
#include "report/table.h"
#include "service/app.h"

/// One file a command. Each takes its arguments as plain values and returns a process exit code (sysexits where they
/// fit).
namespace hw::cli {

enum Exit : int {
  kOk = 0,
  kDifference = 1,  ///< the command worked and its answer is no: nothing found, a check failed
  kUsage = 64,
  kDataError = 65,
  kNoInput = 66,
  kUnavailable = 69,  ///< another headwater holds the state, or a service did not answer
  kSoftware = 70,
  kCannotCreate = 73,
  kIoError = 74,
  kTempFail = 75,      ///< rows wait for a retry
  kNoPermission = 77,  ///< a person or a vendor did not give access
  kConfig = 78,
};

/// Options every command has.
struct Common {
  std::string config = "/etc/headwater/headwater.yaml";
  std::string follow_clock;
  std::string format = "text";
  const connect::Registry* registry = nullptr;

  [[nodiscard]] report::Format output() const;
};

/// Prints an error as "headwater: ..." and gives the exit code that fits its code.
int fail(const Error& error);
/// What was given on the command line does not fit: exit 64.
Error bad_argument(std::string text);
/// "there is no goal 'wno'; did you mean 'won'? The configuration has: won, lead", unless it has both; "" is no name.
Status check_names(const settings::Settings& settings, const std::string& destination, const std::string& goal);
/// The sandbox's clock that this run follows; nullptr where it follows none.
Result<std::unique_ptr<Clock>> followed_clock(const Common& common);
/// So long before now: "3d", "12h", "30m"; nullopt for "". Error "usage".
Result<std::optional<Timestamp>> before(Timestamp now, const std::string& age);
/// Says that an answer is by the configuration that the running daemon keeps.
void tell_of_refused_files();
/// Makes the App, or prints why not. A `candidate` configuration is taken in place of the present one, on its state.
std::unique_ptr<service::App> open(const Common& common, service::AppOptions::Access access, int& exit_code,
                                   const std::string& candidate = {});
/// Prints an answer in the format that was asked for; the commands that it names to people work when pasted.
void print(const Common& common, std::vector<report::Table> tables);
/// Runs `body` on the store of a read-only App and prints its tables.
int show(const Common& common,
         const std::function<Result<std::vector<report::Table>>(service::App&, store::Tx&)>& body);

/// Leaves a request row for the holder of the state directory's lock, who takes it up within seconds; without a holder
/// it is carried out here. Returns what came of it; code "not_yet" when the holder did not answer in time.
Result<std::string> ask_holder(service::App& app, const std::string& kind, const std::string& args);

int run(const Common& common);
int sync(const Common& common, std::optional<std::int64_t> limit);
int check(const Common& common, bool online);
int schema(const Common& common);
int status(const Common& common);
int explain(const Common& common, const std::string& object, const std::string& id);
int plan(const Common& common, const std::string& candidate);
int plan_approve(const Common& common, std::int64_t brake);
int preview(const Common& common, const std::string& destination, std::int64_t limit);
struct UploadsArgs {
  std::string destination, goal, state, reason, older_than, newer_than;
  std::int64_t limit = 100;
};
int uploads_list(const Common& common, const UploadsArgs& args);
int uploads_show(const Common& common, std::int64_t id);
struct RetryArgs {
  std::vector<std::int64_t> ids;
  std::string destination, goal, reason, older_than, newer_than;
  bool uncertain = false, dry_run = false;
};
int uploads_retry(const Common& common, const RetryArgs& args);
int pause(const Common& common, const std::string& connector);
int resume(const Common& common, const std::string& connector);
struct ReconciliationArgs {
  std::string destination, goal, reason, state;
  bool conversions = false;
};
int report_reconciliation(const Common& common, const ReconciliationArgs& args);
int backup(const Common& common, const std::string& file);
int restore(const Common& common, const std::string& file);
struct BackfillArgs {
  std::string goal, destination, from, to;
  std::int64_t per_hour = 500;
  bool dry_run = false, stop = false;
};
int backfill(const Common& common, const BackfillArgs& args);
int ledger_import(const Common& common, const std::string& file, bool dry_run);
int report_windows(const Common& common, std::int64_t days);
struct ChannelsArgs {
  std::string model = "first", from, to;
};
int report_channels(const Common& common, const ChannelsArgs& args);
int advise_stages(const Common& common);
struct LoginArgs {
  std::string connector;
  bool paste = false;
  int port = 0;
};
int auth_login(const Common& common, const LoginArgs& args);
int auth_status(const Common& common, const std::string& connector);
int version(const Common& common);

}  // namespace hw::cli
