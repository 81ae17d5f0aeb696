#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/command.h"
#include "cli/pasteable.h"
#include "cli/usage.h"

namespace hw::cli {
namespace {

/// Everything the command line can say.
struct Line {
  Common common;
  std::optional<std::int64_t> limit;
  std::int64_t preview_limit = 100, id = 0, days = 14;
  bool online = false, dry_run = false;
  std::string object, record_id, candidate, destination, file, connector;
  BackfillArgs backfill;
  UploadsArgs uploads;
  RetryArgs retry;
  ReconciliationArgs reconciliation;
  LoginArgs login;
  ChannelsArgs channels;
  std::function<int()> chosen;
};

/// Where a run finds what it is about. They may stand before the command as well as after it.
void add_where(::CLI::App& app, Common& common) {
  app.add_option("-c,--config", common.config, "main configuration file")->capture_default_str()->take_last();
  app.add_option("--follow-clock", common.follow_clock, "follow a sandbox's clock file (loopback peers only)")
      ->group("");
}

/// `formats`: how it can print its answer. Empty: it prints none that a program would read.
::CLI::App* command(::CLI::App& parent, const char* name, const char* help, Line& line, std::function<int()> run,
                    const std::vector<std::string>& formats = {"text", "json", "csv"}) {
  ::CLI::App* sub = parent.add_subcommand(name, help);
  add_where(*sub, line.common);
  if (!formats.empty()) sub->add_option("--format", line.common.format, "how it is printed")->check(one_of(formats));
  // A command with subcommands of its own (plan approve) gives way to them.
  sub->callback([&line, sub, run = std::move(run)] {
    if (sub->get_subcommands().empty()) line.chosen = run;
  });
  return sub;
}

/// A command that only has commands of its own.
::CLI::App* group(::CLI::App& app, const char* name, const char* help, Line& line) {
  ::CLI::App* sub = app.add_subcommand(name, help)->require_subcommand(1);
  add_where(*sub, line.common);
  return sub;
}

void add_retry(::CLI::App& uploads, Line& line) {
  RetryArgs& args = line.retry;
  auto* retry = command(uploads, "retry", "have refused rows tried again, by id or by filter", line,
                        [&line] { return cli::uploads_retry(line.common, line.retry); });
  retry->add_option("id", args.ids, "rows, from headwater uploads list");
  retry->add_option("--destination", args.destination);
  retry->add_option("--goal", args.goal);
  retry->add_option("--reason,--code", args.reason, "the platform's code, or the reason of the accounts");
  retry->add_option("--older-than", args.older_than, "since the last attempt: 30m, 12h, 3d");
  retry->add_option("--newer-than", args.newer_than, "since the last attempt: 30m, 12h, 3d");
  retry->add_flag("--uncertain", args.uncertain, "also rows of unknown fate that are named by id");
  retry->add_flag("--dry-run", args.dry_run, "count and money first; nothing is written");
}

void add_pauses(::CLI::App& app, Line& line) {
  auto* pause = command(app, "pause", "read nothing from a connector and send nothing by it, until it is resumed", line,
                        [&line] { return cli::pause(line.common, line.connector); }, {});
  pause->add_option("connector", line.connector, "its name in the configuration")->required();
  auto* resume = command(app, "resume", "end a connector's pause, made by a person or by trouble", line,
                         [&line] { return cli::resume(line.common, line.connector); }, {});
  resume->add_option("connector", line.connector, "its name in the configuration")->required();
}

void add_commands(::CLI::App& app, Line& line) {
  Common& c = line.common;
  command(app, "run", "the daemon", line, [&] { return cli::run(c); }, {});
  auto* sync = command(app, "sync", "one full pass until nothing is due, then exit (75: rows wait for a retry)", line,
                       [&] { return cli::sync(c, line.limit); });
  sync->add_option("--limit", line.limit,
                   "a trial: read the next page of everything, send at most N rows, move no cursor")
      ->check(whole_number_from_1());
  auto* check = command(app, "check", "check the configuration; no network unless --online", line,
                        [&] { return cli::check(c, line.online); });
  check->add_flag("--online", line.online, "also sign in, and look whether fields, stages and actions exist");
  command(app, "schema", "print the configuration's JSON Schema, or its reference page (--format markdown)", line,
          [&] { return cli::schema(c); }, {"json", "markdown"});
  command(app, "status", "sources, destinations, and what needs a person", line, [&] { return cli::status(c); });
  auto* explain = command(app, "explain", "the whole story of one record", line,
                          [&] { return cli::explain(c, line.object, line.record_id); });
  explain->add_option("object", line.object, "lead, contact, account or deal")
      ->required()
      ->check(one_of({"lead", "contact", "account", "deal"}));
  explain->add_option("id", line.record_id, "the CRM's id, or connector:id")->required();
  auto* plan = command(app, "plan", "what would newly be sent, restated and retracted", line,
                       [&] { return cli::plan(c, line.candidate); });
  plan->add_option("--candidate", line.candidate, "plan with this configuration on the state of the present one");
  plan->require_subcommand(0, 1);
  auto* approve = command(*plan, "approve", "let the rows behind a brake go", line,
                          [&] { return cli::plan_approve(c, line.id); }, {});
  approve->add_option("id", line.id, "the brake's id, from headwater plan")->required();
  auto* preview = command(app, "preview", "the exact requests that are due, nothing is sent", line,
                          [&] { return cli::preview(c, line.destination, line.preview_limit); });
  preview->add_option("--destination", line.destination, "only this destination");
  preview->add_option("--limit", line.preview_limit, "at most N rows")->check(whole_number_from_1());
  auto* uploads = group(app, "uploads", "the ledger's rows", line);
  auto* list = command(*uploads, "list", "rows by filter", line, [&] { return cli::uploads_list(c, line.uploads); });
  list->add_option("--destination", line.uploads.destination);
  list->add_option("--goal", line.uploads.goal);
  list->add_option("--state", line.uploads.state);
  list->add_option("--reason,--code", line.uploads.reason, "the platform's code, or the reason of the accounts");
  list->add_option("--older-than", line.uploads.older_than, "since the last attempt: 30m, 12h, 3d");
  list->add_option("--newer-than", line.uploads.newer_than, "since the last attempt: 30m, 12h, 3d");
  list->add_option("--limit", line.uploads.limit, "at most N rows, the oldest first")
      ->check(whole_number_from_1())
      ->capture_default_str();
  auto* show = command(*uploads, "show", "one row with its item and its history", line,
                       [&] { return cli::uploads_show(c, line.id); });
  show->add_option("id", line.id)->required();
  add_retry(*uploads, line);
  auto* report = group(app, "report", "reports", line);
  auto* windows = command(*report, "windows", "missing, and soon outside a platform's window", line,
                          [&] { return cli::report_windows(c, line.days); });
  windows->add_option("--days", line.days, "leaving within so many days")
      ->check(whole_number_from_1())
      ->capture_default_str();
  auto* reconciliation = command(*report, "reconciliation", "every cent: taken, or under its reason", line,
                                 [&] { return cli::report_reconciliation(c, line.reconciliation); });
  reconciliation->add_option("--destination", line.reconciliation.destination);
  reconciliation->add_option("--goal", line.reconciliation.goal);
  reconciliation->add_option("--reason", line.reconciliation.reason, "list the subjects behind a reason");
  reconciliation->add_option("--state", line.reconciliation.state,
                             "taken, missing, excess, none, uncertain, unlocated");
  reconciliation->add_flag("--conversions", line.reconciliation.conversions, "list every conversion");
  auto* channels = command(*report, "channels", "what each channel brought and cost", line,
                           [&] { return cli::report_channels(c, line.channels); });
  channels->add_option("--model", line.channels.model, "the touch that gets the deal: first, last, last_non_direct")
      ->check(one_of({"first", "last", "last_non_direct"}))
      ->capture_default_str();
  channels->add_option("--from", line.channels.from, "date, in the reporting zone; default: all");
  channels->add_option("--to", line.channels.to, "date, inclusive; default: all");
  add_pauses(app, line);
  auto* backup = command(app, "backup", "copy the store to a new file, beside a running daemon", line,
                         [&] { return cli::backup(c, line.file); }, {});
  backup->add_option("file", line.file, "must not exist yet")->required();
  auto* restore = command(app, "restore", "put a backup in the store's place; the daemon must be stopped", line,
                          [&] { return cli::restore(c, line.file); }, {});
  restore->add_option("file", line.file, "made by headwater backup")->required();
  auto* backfill = command(app, "backfill", "send what was reached before go-live, after all other rows", line,
                           [&] { return cli::backfill(c, line.backfill); });
  backfill->add_option("--goal", line.backfill.goal)->required();
  backfill->add_option("--destination", line.backfill.destination)->required();
  auto* from = backfill->add_option("--from", line.backfill.from, "date, in the reporting zone");
  backfill->add_option("--to", line.backfill.to, "date, inclusive; default: now");
  backfill->add_option("--per-hour", line.backfill.per_hour, "rows an hour at most")
      ->check(whole_number_from_1())
      ->capture_default_str();
  auto* dry_run = backfill->add_flag("--dry-run", line.backfill.dry_run, "count and money first; nothing is written");
  backfill->add_flag("--stop", line.backfill.stop, "what has not left of it stays here")
      ->excludes(from)
      ->excludes(dry_run);
  auto* ledger = group(app, "ledger", "the ledger as a whole", line);
  auto* import = command(*ledger, "import", "adopt what another tool told a platform; the daemon must be stopped", line,
                         [&] { return cli::ledger_import(c, line.file, line.dry_run); });
  import
      ->add_option("file", line.file,
                   "CSV: destination,object,id,key,time,value,currency, optional goal and action, and identifiers")
      ->required();
  import->add_flag("--dry-run", line.dry_run, "check the file; nothing is written");
  auto* advise = group(app, "advise", "advice from the past", line);
  command(*advise, "stages", "which goal a platform can learn from in time", line,
          [&] { return cli::advise_stages(c); });
  auto* auth = group(app, "auth", "signing in", line);
  auto* login = command(*auth, "login", "sign in with a browser, for a connector whose credential is a refresh_token",
                        line, [&] { return cli::auth_login(c, line.login); }, {});
  login->add_option("connector", line.login.connector, "its name in the configuration")->required();
  login->add_flag("--paste,--no-browser", line.login.paste,
                  "no browser on this machine: open the address elsewhere and paste the one it ends on");
  login->add_option("--port", line.login.port, "of the redirect address; default: a free one, or 8975 with --paste")
      ->check(::CLI::Range(1, 65535));
  auto* signed_in = command(*auth, "status", "who is signed in, since when and until when (1: somebody is not)", line,
                            [&] { return cli::auth_status(c, line.login.connector); });
  signed_in->add_option("connector", line.login.connector, "only this connector's credential");
  command(app, "version", "versions of the program, its store and its connectors", line,
          [&] { return cli::version(c); });
}

/// The program and the options that every command of this run needs.
std::string call_of(const char* program, const Common& common) {
  std::string call = shell_word(program);
  if (common.config != Common().config) call += " -c " + shell_word(common.config);
  if (!common.follow_clock.empty()) call += " --follow-clock " + shell_word(common.follow_clock);
  return call;
}

std::vector<std::string> command_names(const ::CLI::App& app) {
  std::vector<std::string> out;
  for (const ::CLI::App* sub : app.get_subcommands([](const ::CLI::App*) { return true; }))
    out.push_back(sub->get_name());
  return out;
}

}  // namespace

int run_command_line(int argc, const char* const* argv, const connect::Registry& registry) {
  ::CLI::App app{"Headwater: which marketing made this money, and did the platforms learn it?"};
  app.require_subcommand(1);
  Line line;
  line.common.registry = &registry;
  add_where(app, line.common);
  add_commands(app, line);
  try {
    app.parse(argc, argv);
  } catch (const ::CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    std::cerr << usage_text(app, e);
    return kUsage;
  }
  called_as(call_of(argv[0], line.common), command_names(app));
  return line.chosen();
}

}  // namespace hw::cli
