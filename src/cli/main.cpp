#include <exception>
#include <iostream>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/signals.h"
#include "connectors/registry.h"

int main(int argc, char** argv) {
  hw::cli::end_by_signals_as_process_1();
  try {
    return hw::cli::run_command_line(argc, argv, hw::connectors::all());
  } catch (const std::exception& e) {
    std::cerr << "headwater: " << e.what() << "\n";
    return hw::cli::kSoftware;
  }
}
