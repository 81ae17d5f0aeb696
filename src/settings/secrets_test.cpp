#include "settings/secrets.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace hw::settings {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Secrets : public testing::Test {
 protected:
  Secrets() {
    std::string pattern = (fs::temp_directory_path() / "hw_secrets_XXXXXX").string();
    dir_ = mkdtemp(pattern.data());
  }
  ~Secrets() override { fs::remove_all(dir_); }

  void write(const std::string& name, const std::string& text, mode_t mode) const {
    std::ofstream(dir_ + "/" + name, std::ios::binary) << text;
    chmod((dir_ + "/" + name).c_str(), mode);
  }
  SecretSource source() const { return {dir_, dir_, true}; }
  std::string value(const std::string& reference) const { return source().read(reference).value().reveal(); }
  std::string refusal(const std::string& reference) const {
    const auto read = source().read(reference);
    return read ? "(read)" : read.error().detail;
  }

  std::string dir_;
};

TEST_F(Secrets, AreReadFromTheEnvironment) {
  setenv("HW_TEST_SECRET", "from the environment", 1);
  EXPECT_EQ(value("${env:HW_TEST_SECRET}"), "from the environment");
}

TEST_F(Secrets, AReferenceThatIsNotClosedIsRefusedForThat) {
  EXPECT_THAT(refusal("${env:HW_TEST_SECRET"), HasSubstr("a } is missing"));
}

TEST_F(Secrets, AnEmptyVariableIsRefused) {
  setenv("HW_TEST_SECRET", "", 1);
  EXPECT_THAT(refusal("${env:HW_TEST_SECRET}"), HasSubstr("is empty"));
}

TEST_F(Secrets, AreReadFromAFileWithoutItsLineBreak) {
  write("key", "line 1\nline 2\r\n", 0600);
  EXPECT_EQ(value("${file:key}"), "line 1\nline 2") << "a relative path begins at the main file's directory";
  EXPECT_EQ(value("${file:" + dir_ + "/key}"), "line 1\nline 2");
}

TEST_F(Secrets, AFileOpenToOthersIsRefusedWithTheMend) {
  for (const mode_t mode : {0640U, 0604U, 0620U, 0644U}) {
    write("key", "hunter2", mode);
    EXPECT_THAT(refusal("${file:key}"), HasSubstr("chmod 600 " + dir_ + "/key")) << mode;
    EXPECT_THAT(refusal("${file:key}"), testing::Not(HasSubstr("hunter2")));
  }
  write("key", "hunter2", 0400);
  EXPECT_EQ(value("${file:key}"), "hunter2");
}

TEST_F(Secrets, AMissingEmptyOrHugeFileIsRefused) {
  EXPECT_THAT(refusal("${file:none}"), HasSubstr("does not exist"));
  write("empty", "\n", 0600);
  EXPECT_THAT(refusal("${file:empty}"), HasSubstr("is empty"));
  write("huge", std::string(70'000, 'x'), 0600);
  EXPECT_THAT(refusal("${file:huge}"), HasSubstr("not a secret"));
  EXPECT_THAT(refusal("${file:.}"), HasSubstr("is not a file"));
  ASSERT_EQ(::mkfifo((dir_ + "/pipe").c_str(), 0600), 0);
  EXPECT_THAT(refusal("${file:pipe}"), HasSubstr("is not a file")) << "and nobody waits for its writer";
}

TEST_F(Secrets, AreReadFromSystemdCredentialsWhateverTheirMode) {
  write("ads", "from systemd\n", 0440);
  EXPECT_EQ(value("${credential:ads}"), "from systemd");
  EXPECT_THAT(refusal("${credential:other}"), HasSubstr("LoadCredential=other:"));
  EXPECT_THAT(refusal("${credential:../ads}"), HasSubstr("without /"));
}

TEST_F(Secrets, WhereSystemdGivesNoneACredentialIsAFileInSecretsBesideTheMainFile) {
  const SecretSource shell("", dir_, true);
  const auto absent = shell.read("${credential:ads}");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, kUnseenSecret);
  for (const char* part : {"LoadCredential=ads:", "no file secrets/ads beside the main file", "chmod 600"})
    EXPECT_THAT(absent.error().detail, HasSubstr(part));
  fs::create_directory(dir_ + "/secrets");
  write("secrets/ads", "from the folder\n", 0644);
  EXPECT_THAT(shell.read("${credential:ads}").error().detail, HasSubstr("chmod 600 " + dir_ + "/secrets/ads"));
  chmod((dir_ + "/secrets/ads").c_str(), 0600);
  EXPECT_EQ(shell.read("${credential:ads}").value().reveal(), "from the folder");
  write("secrets/other", "not asked", 0600);
  EXPECT_THAT(refusal("${credential:other}"), HasSubstr("LoadCredential=other:")) << "systemd gave others";
}

struct OutOfSight {
  const char *name, *reference, *code;
};
class SecretsOfOthers : public Secrets, public testing::WithParamInterface<OutOfSight> {};

TEST_P(SecretsOfOthers, AreToldFromWhatIsWrong) {
  EXPECT_EQ(SecretSource("", dir_, true).read(GetParam().reference).error().code, GetParam().code);
}

INSTANTIATE_TEST_SUITE_P(Secrets, SecretsOfOthers,
                         testing::Values(OutOfSight{"AVariable", "${env:HW_TEST_NEVER_SET}", kUnseenSecret},
                                         OutOfSight{"ACredential", "${credential:ads}", kUnseenSecret},
                                         OutOfSight{"AFileThatIsNotThere", "${file:none}", "secret"},
                                         OutOfSight{"ALiteral", "hunter2", "secret"}),
                         [](const auto& row) { return std::string(row.param.name); });

struct Form {
  const char* name;
  const char* text;
};
class WrongForm : public testing::TestWithParam<Form> {};

TEST_P(WrongForm, TellsTheThreeFormsAndNeverTheValue) {
  const auto read = SecretSource("", "", false).read(GetParam().text);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().detail, HasSubstr("${env:NAME}, ${file:PATH} or ${credential:NAME}"));
  EXPECT_THAT(read.error().detail, testing::Not(HasSubstr("hunter2")));
}

INSTANTIATE_TEST_SUITE_P(Secrets, WrongForm,
                         testing::Values(Form{"Literal", "hunter2"}, Form{"Empty", ""}, Form{"ShellStyle", "$hunter2"},
                                         Form{"NoKind", "${hunter2}"}, Form{"UnknownKind", "${vault:hunter2}"},
                                         Form{"NoName", "${env:}"}, Form{"Embedded", "Bearer ${env:hunter2}"},
                                         Form{"Unclosed", "${env:hunter2"}),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace hw::settings
