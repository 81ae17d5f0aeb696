#include "settings/settings.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "conformance/paths.h"
#include "settings/test_connectors.h"

namespace hw::settings {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::UnorderedElementsAre;

const std::string kTestData = conformance::source_dir() + "/src/settings/testdata/";

std::vector<std::string> texts(const std::vector<OptionError>& errors) {
  std::vector<std::string> out;
  for (const OptionError& e : errors) out.push_back(connect::to_string(e));
  return out;
}

/// The first comment lines of a file that begin with "# expect: " or "# warn: ".
std::vector<std::string> comments(const std::string& path, const std::string& prefix) {
  std::ifstream in(path);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line) && line.starts_with(prefix);) out.push_back(line.substr(prefix.size()));
  return out;
}

std::vector<std::string> files(const std::string& ending) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(kTestData)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(ending)) out.push_back(name.substr(0, name.size() - ending.size()));
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) { return info.param; }

std::variant<Loaded, std::vector<OptionError>> load_test_file(const std::string& name) {
  setenv("HW_TEST_TOKEN", "a-value-never-shown", 1);
  return load(kTestData + name, test_registry(), {});
}

class BadFile : public testing::TestWithParam<std::string> {};

TEST_P(BadFile, IsRefusedWithEveryExpectedMessage) {
  const std::string name = GetParam() + ".bad.yaml";
  const auto loaded = load_test_file(name);
  ASSERT_TRUE(std::holds_alternative<std::vector<OptionError>>(loaded));
  const auto expected = comments(kTestData + name, "# expect: ");
  ASSERT_THAT(expected, Not(IsEmpty()));
  EXPECT_THAT(texts(std::get<std::vector<OptionError>>(loaded)), ElementsAreArray(expected));
}

INSTANTIATE_TEST_SUITE_P(Settings, BadFile, testing::ValuesIn(files(".bad.yaml")), test_name);

class GoodFile : public testing::TestWithParam<std::string> {};

TEST_P(GoodFile, LoadsWithTheExpectedWarnings) {
  const std::string name = GetParam() + ".good.yaml";
  const auto loaded = load_test_file(name);
  if (const auto* errors = std::get_if<std::vector<OptionError>>(&loaded))
    FAIL() << testing::PrintToString(texts(*errors));
  EXPECT_THAT(texts(std::get<Loaded>(loaded).warnings), ElementsAreArray(comments(kTestData + name, "# warn: ")));
}

INSTANTIATE_TEST_SUITE_P(Settings, GoodFile, testing::ValuesIn(files(".good.yaml")), test_name);

TEST(Settings, TheTableOfBadFilesHasAtLeastFifty) { EXPECT_GE(files(".bad.yaml").size(), 50U); }

class CompleteFile : public testing::Test {
 protected:
  CompleteFile() : loaded_(std::get<Loaded>(load_test_file("complete.good.yaml"))) {}
  Loaded loaded_;
  const Settings& s_ = loaded_.settings;
};

TEST_F(CompleteFile, GivesTheSections) {
  EXPECT_EQ(s_.zone.name(), "America/Sao_Paulo");
  EXPECT_EQ(s_.currency.str(), "BRL");
  EXPECT_EQ(s_.state_dir, kTestData + "state");
  EXPECT_EQ(s_.service.log_level, "debug");
  EXPECT_EQ(s_.service.stop_deadline, std::chrono::seconds(45));
  EXPECT_EQ(s_.consent.regions.size(), 31U);
  EXPECT_TRUE(s_.consent.regions.contains("NO"));
  EXPECT_TRUE(s_.consent.send_unknown);
  EXPECT_EQ(s_.consent.unknown_region, ConsentState::unknown);
  EXPECT_TRUE(s_.identity.names);
  EXPECT_FALSE(s_.identity.masked_email);
  EXPECT_EQ(s_.identity.limits.at("email_sha256"), 10);
  EXPECT_THAT(s_.identity.role_mailboxes, UnorderedElementsAre("info", "sales"));
  EXPECT_EQ(s_.channels_file, kTestData + "channels.yaml");
  EXPECT_EQ(s_.gather, std::chrono::minutes(30));
}

TEST_F(CompleteFile, GivesCredentialsWithTheirSecrets) {
  ASSERT_EQ(s_.credentials.size(), 1U);
  EXPECT_EQ(s_.credentials[0].type, http::CredentialType::refresh_token);
  EXPECT_EQ(s_.credentials[0].client_id, "headwater");
  EXPECT_EQ(s_.credentials[0].refresh_token.reveal(), "a-value-never-shown");
  EXPECT_TRUE(s_.credentials[0].has_seed);
  EXPECT_EQ(rfc3339(*s_.credentials[0].expires_at), "2026-12-31T03:00:00Z");
  EXPECT_EQ(s_.credentials[0].quota_share, 60);
}

TEST_F(CompleteFile, GivesStagesInOrder) {
  const auto deals = s_.stages_of(Object::deal);
  ASSERT_EQ(deals.size(), 4U);
  EXPECT_EQ(deals[0]->name, "opened");
  EXPECT_EQ(deals[0]->pipeline, "new_business");
  EXPECT_TRUE(deals[0]->in_pipeline);
  EXPECT_TRUE(deals[2]->won);
  EXPECT_TRUE(deals[3]->lost);
  EXPECT_EQ(deals[3]->order, 4);
  EXPECT_THAT(s_.stages_of(Object::lead)[0]->values, ElementsAre("marketing", "sales"));
}

TEST_F(CompleteFile, GivesGoalsWithTheirRules) {
  const Goal& qualified = *s_.goal("qualified");
  EXPECT_EQ(qualified.value.kind, ValueRule::Kind::fixed);
  EXPECT_EQ(qualified.value.micros, 50'000'000);
  EXPECT_EQ(qualified.value.currency->str(), "USD");
  EXPECT_EQ(qualified.count, Goal::Count::once_per_person);
  EXPECT_EQ(qualified.per_person_within, std::chrono::hours(24 * 30));
  const Goal& won = *s_.goal("closed_won");
  EXPECT_TRUE(won.revenue && won.send_zero);
  EXPECT_EQ(won.missing_value_micros, 100'000'000);
  EXPECT_EQ(won.time, Goal::Time::close_date);
  EXPECT_EQ(won.click, Goal::ClickRule::last);
  EXPECT_EQ(rfc3339(*won.go_live), "2026-02-01T03:00:00Z") << "a date begins at 00:00 in the reporting zone";
  EXPECT_EQ(s_.goal("margin")->value.millionths, 125'000);
  EXPECT_EQ(s_.goal("contract")->value.field, "contract_value");
  EXPECT_EQ(s_.goal("nothing"), nullptr);
}

TEST_F(CompleteFile, GivesConditionsWithDatesPlacedInTheZone) {
  const auto& when = s_.goal("closed_won")->when;
  ASSERT_EQ(when.size(), 8U);
  EXPECT_EQ(when[1].op, Condition::Op::not_less);
  EXPECT_EQ(when[2].op, Condition::Op::less);
  EXPECT_THAT(when[3].values, ElementsAre("BR", "AR"));
  EXPECT_EQ(when[5].op, Condition::Op::not_equals);
  EXPECT_EQ(when[6].op, Condition::Op::not_in);
  EXPECT_THAT(when[7].values, ElementsAre("2026-01-31T03:00:00Z"));
}

TEST_F(CompleteFile, GivesDestinations) {
  const Destination& d = *s_.destination("ads_won");
  EXPECT_EQ(d.upload_by, "ads");
  EXPECT_EQ(d.restate_by, "ads");
  EXPECT_EQ(d.retract_by, "ads_adjust");
  EXPECT_EQ(d.action, "700000001");
  EXPECT_EQ(d.mode, Mode::live);
  EXPECT_TRUE(d.resend_uncertain);
  EXPECT_EQ(d.counting, connect::Counting::every);
  EXPECT_EQ(d.settle, std::chrono::hours(24));
  EXPECT_EQ(d.max_lowering_count, 5);
  EXPECT_EQ(d.max_lowering_millionths, 25'000);
  EXPECT_EQ(d.batch, 10U);
  EXPECT_EQ(d.max_attempts, 3);
  EXPECT_EQ(d.options.text("login_account"), "999");
  const Destination& plain = *s_.destination("ads_margin");
  EXPECT_EQ(plain.mode, Mode::shadow);
  EXPECT_EQ(plain.max_lowering_millionths, 50'000);
  EXPECT_FALSE(plain.options.has("login_account")) << "declared, though options: is not written";
}

TEST_F(CompleteFile, GivesConnectorsOfBothFiles) {
  ASSERT_EQ(s_.connectors.size(), 3U);
  const ConnectorInstance& crm = *s_.connector("crm");
  EXPECT_EQ(crm.pull_every, std::chrono::minutes(5));
  EXPECT_EQ(crm.options.text("path"), kTestData + "exports/crm.csv");
  EXPECT_EQ(crm.options.integer("buffer"), 128 * 1024);
  EXPECT_THAT(crm.options.list("kinds"), ElementsAre("leads", "deals"));
  EXPECT_EQ(crm.options.mark("columns", "amount").column, 28);
  const ConnectorInstance& ads = *s_.connector("ads");
  EXPECT_EQ(ads.at.file, "parts/ads.yaml");
  EXPECT_EQ(ads.options.duration("click_window"), std::chrono::hours(24 * 90)) << "the default";
  const ConnectorInstance& adjust = *s_.connector("ads_adjust");
  EXPECT_EQ(adjust.options.integer("sample"), 250'000);
  EXPECT_TRUE(adjust.options.groups("proxy")[0].boolean("tunnel"));
  EXPECT_EQ(adjust.options.groups("extra")[1].text("host"), "b");
}

TEST_F(CompleteFile, NamesTheFieldsThatMatter) {
  EXPECT_THAT(s_.tracked_fields(),
              ElementsAre("amount", "campaign", "closed", "contract_value", "currency", "deal_type", "owner",
                          "pipeline", "region", "source", "stage", "status"));
  const auto fields = s_.referenced_fields();
  EXPECT_THAT(fields, testing::Contains(std::pair(Object::lead, std::string("status"))));
  EXPECT_THAT(fields, Not(testing::Contains(std::pair(Object::lead, std::string("region")))));
}

TEST(Settings, DefaultsOfTheSmallestFile) {
  const auto loaded = load_test_file("smallest.good.yaml");
  const Settings& s = std::get<Loaded>(loaded).settings;
  EXPECT_EQ(s.state_dir, "/var/lib/headwater");
  EXPECT_EQ(s.service.stop_deadline, std::chrono::seconds(30));
  EXPECT_EQ(s.consent.regions.size(), 32U) << "EEA, GB and CH";
  EXPECT_FALSE(s.consent.send_unknown);
  EXPECT_TRUE(s.identity.masked_email);
  EXPECT_EQ(s.gather, std::chrono::hours(1));
  EXPECT_TRUE(s.channels_file.empty());
}

TEST(Settings, AMissingMainFileTellsHowToMend) {
  const auto loaded = load("no/such.yaml", test_registry(), {});
  EXPECT_THAT(
      texts(std::get<std::vector<OptionError>>(loaded)),
      ElementsAre("no/such.yaml:1:1: the main file cannot be read: it does not exist; name another with -c FILE, or "
                  "begin with a copy of config/headwater.yaml"));
}

TEST(Settings, ABadByteIsFoundWithItsLine) {
  const fs::path dir = fs::temp_directory_path() / "hw_settings_bad_byte";
  fs::create_directories(dir);
  std::ofstream(dir / "latin1.yaml", std::ios::binary) << "reporting:\n  time_zone: UTC\n  currency: \xe9\n";
  const auto loaded = load((dir / "latin1.yaml").string(), test_registry(), {});
  EXPECT_THAT(texts(std::get<std::vector<OptionError>>(loaded)),
              ElementsAre("latin1.yaml:3:1: this line is not UTF-8; save the file as UTF-8"));
  fs::remove_all(dir);
}

TEST(Settings, NoMessageShowsALiteralSecret) {
  const auto loaded = load_test_file("secret_literal.bad.yaml");
  for (const std::string& text : texts(std::get<std::vector<OptionError>>(loaded))) {
    EXPECT_THAT(text, Not(HasSubstr("hunter2")));
    EXPECT_THAT(text, Not(HasSubstr("HUNTER2")));
  }
}

TEST(Settings, WithoutResolvingOnlyTheFormOfReferencesIsChecked) {
  const auto loaded = load(kTestData + "secret_missing.bad.yaml", test_registry(),
                           {.credentials_directory = "", .resolve_secrets = false});
  EXPECT_EQ(std::get<std::vector<OptionError>>(loaded).size(), 2U) << "the two ill-formed names";
}

TEST(Settings, SecretsThatOnlyAnotherMaySeeCanBeWarnings) {
  const auto loaded = load(kTestData + "secret_unseen.yaml", test_registry(),
                           {.credentials_directory = "", .excuse_unseen_secrets = true});
  ASSERT_TRUE(std::holds_alternative<Loaded>(loaded));
  EXPECT_THAT(
      texts(std::get<Loaded>(loaded).warnings),
      IsSupersetOf({HasSubstr("secret_unseen.yaml:5:34: 'token' of credentials: environment variable"),
                    HasSubstr("secret_unseen.yaml:6:34: 'token' of credentials: no systemd credentials here")}));
  const auto judged = load(kTestData + "secret_missing.bad.yaml", test_registry(),
                           {.credentials_directory = "", .excuse_unseen_secrets = true});
  EXPECT_EQ(std::get<std::vector<OptionError>>(judged).size(), 3U) << "the ill-formed, and the file that is not there";
}

/// A main file and one that it includes, in a directory of their own.
class Files : public testing::Test {
 protected:
  Files() {
    std::string pattern = (fs::temp_directory_path() / "hw_files_XXXXXX").string();
    dir_ = mkdtemp(pattern.data());
    write("main.yaml",
          "state: {directory: here}\nreporting: {time_zone: UTC, currency: EUR}\ninclude: [c.yaml, d/*.yaml]\n");
    write("c.yaml", "crm: {type: files, path: crm.csv}\n");
    fs::create_directory(dir_ + "/d");
    write("d/more.yaml", "more: {type: files, path: more.csv}\n");
  }
  ~Files() override { fs::remove_all(dir_); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ + "/" + name, std::ios::binary) << text;
  }
  std::string dir_;
};

TEST_F(Files, AreReadAgainAsTheyWere) {
  auto first = load(dir_ + "/main.yaml", test_registry(), {});
  ASSERT_TRUE(std::holds_alternative<Loaded>(first)) << texts(std::get<std::vector<OptionError>>(first)).front();
  const auto& documents = std::get<Loaded>(first).documents;
  fs::remove(dir_ + "/c.yaml");
  write("main.yaml", "nonsense: 1\n");
  const auto again = load_again(dir_ + "/main.yaml", documents, test_registry(), {});
  ASSERT_TRUE(std::holds_alternative<Loaded>(again)) << texts(std::get<std::vector<OptionError>>(again)).front();
  const Settings& s = std::get<Loaded>(again).settings;
  EXPECT_EQ(s.state_dir, dir_ + "/here");
  ASSERT_EQ(s.connectors.size(), 2U);
  EXPECT_EQ(s.connector("crm")->options.text("path"), dir_ + "/crm.csv");
  EXPECT_TRUE(std::holds_alternative<std::vector<OptionError>>(load_again("x", {}, test_registry(), {})));
}

TEST_F(Files, TheStateDirectoryIsFoundDespiteErrors) {
  struct Row {
    const char *text, *directory;
  };
  for (const Row& row : std::initializer_list<Row>{{"state: {directory: here}\nnonsense: 1\n", "/here"},
                                                   {"state:\n  directory: here\ngoals:\n  - {name: [\n", "/here"},
                                                   {"state: {directory: /there}\n\tgoals: x\n", "//there"},
                                                   {"goals: [\nstate: {directory: here}\n", "//var/lib/headwater"},
                                                   {"", "//var/lib/headwater"}}) {
    write("main.yaml", row.text);
    const bool is_absolute = row.directory[1] == '/';
    EXPECT_EQ(state_directory_of(dir_ + "/main.yaml"), is_absolute ? row.directory + 1 : dir_ + row.directory)
        << row.text;
  }
  EXPECT_EQ(state_directory_of(dir_ + "/none.yaml"), "/var/lib/headwater");
}

}  // namespace
}  // namespace hw::settings
