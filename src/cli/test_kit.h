#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "service/act_as_owner.h"
#include "service/test_kit.h"

namespace hw::cli {

/// What one command printed, and its exit code.
struct Ran {
  int code = 0;
  std::string out, err;
  [[nodiscard]] nlohmann::json parsed() const { return nlohmann::json::parse(out); }
};

/// Runs commands as a user's shell would, on a configuration and a state of their own.
class CommandFixture : public service::AppFixture {
 protected:
  Ran run_line(std::vector<std::string> words) {
    words.insert(words.begin(), "headwater");
    std::vector<const char*> argv;
    for (const auto& w : words) argv.push_back(w.c_str());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Ran ran;
    ran.code = run_command_line(static_cast<int>(argv.size()), argv.data(), registry_);
    EXPECT_TRUE(service::act_as_root_again());  // a program ends as who it became
    ran.out = testing::internal::GetCapturedStdout();
    ran.err = testing::internal::GetCapturedStderr();
    return ran;
  }
  [[nodiscard]] std::string main_file() const { return dir_ + "/headwater.yaml"; }
};

}  // namespace hw::cli
