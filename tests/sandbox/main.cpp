#include <signal.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <thread>

#include "base/zone.h"
#include "sandbox/company.h"
#include "sandbox/demo.h"
#include "sandbox/peers.h"
#include "sandbox/server.h"
#include "sandbox/torture.h"

namespace {

using namespace hw::sandbox;

struct ServeOptions {
  int port = 0;
  std::string record, drop = "drop";
  std::uint64_t seed = 1;
};

/// The peers alone, with the world at its end: to try a configuration by hand.
int serve(const ServeOptions& options) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  Company script(options.seed, options.drop);
  World world;
  script.advance(world, script.end());
  std::unique_ptr<Recorder> recorder;
  if (!options.record.empty()) recorder = std::make_unique<Recorder>(options.record);
  Server server(world, make_peers(world), std::move(recorder));
  const int port = server.start(options.port);
  if (port == 0) {
    std::cerr << "headwater-sandbox: port " << options.port << " is not free\n";
    return 69;
  }
  std::cout << "http://127.0.0.1:" << port << std::endl;
  const timespec second{.tv_sec = 1, .tv_nsec = 0};
  while (sigtimedwait(&set, nullptr, &second) < 0)
    server.locked([&] {
      script.advance(world, world.now + std::chrono::seconds(1));
      server.advance(world.now);
    });
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The simulators of the vendors' APIs, on loopback: for tests and the demo"};
  const std::map<std::string, Touches> touches{
      {"csv", Touches::files}, {"bigquery", Touches::events}, {"bigquery_lookup", Touches::lookups}};
  ServeOptions serving;
  DemoOptions demonstrating;
  app.add_option("--port", serving.port, "port to serve on; 0 = a free one, printed");
  app.add_option("--record", serving.record, "write every request to this file, one line of JSON each");
  app.add_option("--seed", serving.seed, "which world");
  auto* demo_command = app.add_subcommand("demo", "world and daemon through 18 months, then on until Ctrl-C");
  demo_command->add_option("--headwater", demonstrating.headwater, "the daemon's program")->required();
  demo_command->add_flag("--once", demonstrating.once,
                         "to the world's end, then stop: exit code 0 only if the accounts hold");
  demo_command->add_option("--seed", demonstrating.seed, "another world of the same shape");
  auto* read_from =
      demo_command
          ->add_option("--touches", demonstrating.touches,
                       "where the visits are read: csv (files), bigquery (the export of the web analytics) "
                       "or bigquery_lookup (the same for the CRM's people alone); seeds take turns")
          ->transform(CLI::CheckedTransformer(touches));
  demo_command->add_option("--record", demonstrating.record, "write every request to this file, one line of JSON each");
  demo_command->add_option("--state", demonstrating.state, "keep configuration and state in this directory");
  demo_command->add_flag("--quiet", demonstrating.quiet, "the last line alone");
  TortureOptions torturing;
  auto* torture_command = app.add_subcommand("torture", "kill the daemon at random while its vendors fail at random");
  torture_command->add_option("--headwater", torturing.headwater, "the daemon's program")->required();
  torture_command->add_option("--kills", torturing.kills, "how often it is killed")->check(CLI::PositiveNumber);
  torture_command->add_option("--kills-a-world", torturing.kills_a_world, "more of them go through further worlds")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  torture_command->add_option("--seed", torturing.seed, "another world, other faults, other kills");
  torture_command->add_option("--state", torturing.state,
                              "keep configuration and state in this directory, a folder for every world");
  torture_command->add_flag("--quiet", torturing.quiet, "the last line alone");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 64;
  }
  if (read_from->count() == 0) demonstrating.touches = touches_of_seed(demonstrating.seed);
  if (torture_command->parsed()) return torture(torturing);
  return demo_command->parsed() ? demo(demonstrating) : serve(serving);
}
