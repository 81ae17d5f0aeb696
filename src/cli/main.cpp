#include <exception>
#include <iostream>

#include "cli/command.h"
#include "cli/command_line.h"
#include "connectors/registry.h"

int main(int argc, char** argv) {
  try {
    return hw::cli::run_command_line(argc, argv, hw::connectors::all());
  } catch (const std::exception& e) {
    std::cerr << "headwater: " << e.what() << "\n";
    return hw::cli::kSoftware;
  }
}
