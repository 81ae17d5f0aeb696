#include "sandbox/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace hw::sandbox {
namespace {

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

[[noreturn]] void exec(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& a : command) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

}  // namespace

Child::Child(const std::vector<std::string>& command, std::vector<std::string> environment, const std::string& log) {
  pid_ = ::fork();
  if (pid_ != 0) return;
  // Ctrl-C is for the parent, who then ends this one; nobody outlives the parent.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  for (std::string& e : environment) ::putenv(e.data());
  if (!log.empty()) {
    const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
  }
  exec(command);
}

Child::~Child() {
  if (pid_ > 0 && !ended()) wait(0);
}

bool Child::ended() {
  if (ended_ || pid_ <= 0) return true;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  ended_ = true;
  status_ = code_of(status);
  return true;
}

void Child::signal(int number) const {
  if (pid_ > 0 && !ended_) ::kill(pid_, number);
}

bool Child::hears(int number) const {
  if (pid_ <= 0 || ended_) return false;
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  unsigned long long heard = 0;
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("SigBlk:") || line.starts_with("SigCgt:"))
      heard |= std::strtoull(line.c_str() + 7, nullptr, 16);
  return (heard >> (number - 1) & 1U) != 0;
}

int Child::wait(int seconds) {
  for (int i = 0; i < seconds * 100 && !ended(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  if (!ended()) {
    signal(SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    ended_ = true;
    status_ = code_of(status);
  }
  return status_;
}

Output run(const std::vector<std::string>& command) {
  int ends[2];
  if (::pipe(ends) != 0) return {};
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    exec(command);
  }
  ::close(ends[1]);
  Output out;
  char buffer[65536];
  for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    out.text.append(buffer, static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  out.status = code_of(status);
  return out;
}

}  // namespace hw::sandbox
