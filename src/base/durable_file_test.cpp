#include "base/durable_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace hw {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string text_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

class DurableFile : public testing::Test {
 protected:
  DurableFile() : folder_(::mkdtemp(std::string("/tmp/hw-durable-XXXXXX").data())) {
    std::ofstream(path()) << "old";
    calls_.sync = [this](int fd) { return note("sync " + seen_through(fd)) ? ::fsync(fd) : -1; };
    calls_.rename = [this](const char* from, const char* to) {
      return note("rename " + name_of(from) + " " + name_of(to)) ? ::rename(from, to) : -1;
    };
  }
  ~DurableFile() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path() const { return folder_ + "/note"; }
  static std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }
  /// "note.new (5 bytes)", "the folder".
  [[nodiscard]] std::string seen_through(int fd) const {
    struct stat is {};
    ::fstat(fd, &is);
    if (S_ISDIR(is.st_mode)) return "the folder";
    std::array<char, 4096> link{};
    const auto n = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), link.data(), link.size());
    return name_of(std::string(link.data(), static_cast<std::size_t>(n))) + " (" + std::to_string(is.st_size) +
           " bytes)";
  }
  bool note(const std::string& call) {
    done_.push_back(call);
    if (done_.size() != fails_at_) return true;
    errno = EIO;
    return false;
  }

  std::vector<std::string> done_;
  std::size_t fails_at_ = 0;  ///< this call, from one, does nothing and fails
  FileCalls calls_;

 private:
  const std::string folder_;
};

TEST_F(DurableFile, IsWholeOnTheDiskBeforeItTakesTheOldOnesPlaceAndThePlaceIsSyncedAfterIt) {
  ASSERT_TRUE(replace_file(path(), "later", {}, calls_));
  EXPECT_THAT(done_, ElementsAre("sync note.new (5 bytes)", "rename note.new note", "sync the folder"));
  EXPECT_EQ(text_of(path()), "later");
}

TEST_F(DurableFile, ThatCannotBeWrittenLeavesTheOldText) {
  for (const std::size_t call : {1U, 2U, 3U}) {
    done_.clear();
    fails_at_ = call;
    const Status done = replace_file(path(), "later", {}, calls_);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, "file");
    EXPECT_THAT(done.error().detail, HasSubstr("Input/output error"));
    EXPECT_EQ(done_.size(), call) << "nothing is done after it";
    EXPECT_EQ(text_of(path()), call < 3 ? "old" : "later");
  }
}

TEST_F(DurableFile, ThatNobodyMayOwnLeavesTheOldText) {
  EXPECT_FALSE(replace_file(
      path(), "later", [](int) { return false; }, calls_));
  EXPECT_EQ(text_of(path()), "old");
  EXPECT_THAT(done_, ElementsAre());
}

TEST_F(DurableFile, OfAKillIsWrittenAnewAndALinkLeadsNowhere) {
  const std::string elsewhere = path() + ".elsewhere";
  std::ofstream(elsewhere) << "theirs";
  ASSERT_EQ(::symlink(elsewhere.c_str(), (path() + ".new").c_str()), 0);
  ASSERT_TRUE(replace_file(path(), "later"));
  EXPECT_EQ(text_of(path()), "later");
  EXPECT_EQ(text_of(elsewhere), "theirs");
  struct stat is {};
  ASSERT_EQ(::lstat(path().c_str(), &is), 0);
  EXPECT_EQ(is.st_mode, S_IFREG | 0600U);
}

TEST_F(DurableFile, InNoFolderSaysSo) {
  const Status done = replace_file(path() + ".missing/note", "text");
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().detail, HasSubstr("note.missing/note.new: No such file or directory"));
}

}  // namespace
}  // namespace hw
