#include "connectors/csv/config.h"

#include <gmock/gmock.h>

#include "connectors/csv/test_files.h"

namespace hw::connectors::csv {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

conformance::Overrides entry(const char* object, Pairs columns, conformance::Overrides more = {}) {
  more.insert(more.end(), {{"path", "in.csv"}, {"object", object}, {"columns", std::move(columns)}});
  return more;
}

Config parse_one(const conformance::Overrides& file, std::vector<std::string>& messages) {
  std::vector<connect::OptionError> errors;
  Config config = parse(conformance::fill_defaults(options(), {{"files", std::vector{file_entry(file)}}}), errors);
  for (const auto& e : errors) {
    EXPECT_GT(e.at.line, 0) << e.message;
    messages.push_back(e.message);
  }
  return config;
}

TEST(CsvConfig, DefaultsAreThoseOfTheDeclaration) {
  std::vector<std::string> messages;
  const Config config = parse_one(entry("leads", {{"id", "Id"}}), messages);
  EXPECT_THAT(messages, IsEmpty());
  EXPECT_EQ(config.zone.name(), "UTC");
  EXPECT_EQ(config.settle, std::chrono::seconds(10));
  const FileConfig& file = config.files.at(0);
  EXPECT_EQ(file.stream, "file:in.csv|leads");
  EXPECT_EQ(file.dialect.delimiter, ',');
  EXPECT_EQ(file.dialect.encoding, Encoding::automatic);
  EXPECT_TRUE(file.header);
}

TEST(CsvConfig, EveryCanonicalFieldIsTakenByItsKinds) {
  for (const CanonicalField& field : canonical_fields()) {
    for (const std::string& name : kind_names()) {
      const Kind kind = *kind_from(name);
      Pairs columns = {{std::string(field.name), "X"}};
      for (const CanonicalField& needed : canonical_fields()) {
        const bool wanted = needed.required ||
                            (kind == Kind::spend && (needed.name == "amount" || needed.name == "currency")) ||
                            (field.name == "stage_time" && needed.name == "stage");
        if (wanted && allows(needed, kind) && needed.name != field.name) columns.emplace_back(needed.name, "Y");
      }
      std::vector<std::string> messages;
      parse_one(entry(name.c_str(), columns), messages);
      EXPECT_EQ(messages.empty(), allows(field, kind))
          << field.name << " of " << name << ": " << testing::PrintToString(messages);
    }
  }
}

TEST(CsvConfig, AnyIdentifierAndCookieIsAColumn) {
  Pairs columns = {{"id", "Id"}};
  for (const char* name : {"gclid",
                           "gbraid",
                           "wbraid",
                           "dclid",
                           "msclkid",
                           "fbclid",
                           "fbc",
                           "fbp",
                           "li_fat_id",
                           "ttclid",
                           "twclid",
                           "rdt_cid",
                           "epik",
                           "ScCid",
                           "yclid",
                           "ga_client_id",
                           "ga_session_id",
                           "user_id",
                           "meta_lead_id",
                           "linkedin_lead_id",
                           "google_lead_id",
                           "tiktok_lead_id",
                           "cookie._ga",
                           "cookie._ga_ABC123",
                           "cookie._fbp",
                           "cookie._fbc",
                           "cookie._gcl_aw",
                           "cookie._gcl_gb",
                           "cookie._gcl_ag",
                           "cookie._uetmsclkid"}) {
    columns.emplace_back(name, "X");
  }
  std::vector<std::string> messages;
  parse_one(entry("leads", columns), messages);
  EXPECT_THAT(messages, IsEmpty());
}

struct Bad {
  const char* name;
  conformance::Overrides file;
  const char* message;
};

class BadConfig : public testing::TestWithParam<Bad> {};

TEST_P(BadConfig, SaysWhatIsWrongAndHowToMend) {
  std::vector<std::string> messages;
  parse_one(GetParam().file, messages);
  EXPECT_THAT(messages, ElementsAre(GetParam().message));
}

const Pairs kId = {{"id", "Id"}};

INSTANTIATE_TEST_SUITE_P(
    Table, BadConfig,
    testing::Values(
        Bad{"Typo", entry("leads", {{"id", "Id"}, {"gcild", "X"}}),
            "unknown field 'gcild' in 'columns' of leads; did you mean 'gclid'?"},
        Bad{"TypoOfACanonicalField", entry("leads", {{"id", "Id"}, {"emial", "X"}}),
            "unknown field 'emial' in 'columns' of leads; did you mean 'email'? (the person's e-mail address; hashed "
            "as it is read)"},
        Bad{"OfAnotherKind", entry("leads", {{"id", "Id"}, {"contact", "X"}}),
            "'contact' in 'columns' is not for leads; it is for deals (ids of all the deal's contacts, primary first; "
            "see contact_separator)"},
        Bad{"NoId", entry("contacts", {{"email", "X"}}),
            "columns of contacts: 'id' is missing (the record's own id in the CRM)"},
        Bad{"NoTimeOfATouch", entry("touches", {{"gclid", "X"}}),
            "columns of touches: 'time' is missing (when it happened)"},
        Bad{"SpendWithoutCurrency", entry("spend", {{"day", "D"}, {"amount", "X"}}),
            "columns of spend: 'amount' and 'currency' are needed; a constant goes into 'defaults'"},
        Bad{"StageTimeWithoutStage", entry("deals", {{"id", "Id"}, {"stage_time", "X"}}),
            "'stage_time' needs 'stage', as a column or under 'defaults'"},
        Bad{"UnknownCookie", entry("leads", {{"id", "Id"}, {"cookie._gat", "X"}}),
            "no cookie '_gat' is known; it takes: _ga, _ga_*, _fbp, _fbc, _gcl_aw, _gcl_gb, _gcl_ag, _uetmsclkid, "
            "li_fat_id, ttclid"},
        Bad{"CookieOfAnAccount", entry("accounts", {{"id", "Id"}, {"cookie._ga", "X"}}),
            "'cookie._ga': accounts carry no cookies"},
        Bad{"CanonicalUnderFields", entry("deals", kId, {{"fields", Pairs{{"stage", "X"}}}}),
            "'stage' in 'fields' is a canonical field; give it under 'columns' (the stage or status, as the CRM names "
            "it)"},
        Bad{"PersonalUnderFields",
            entry("leads", {{"id", "Id"}, {"email", "Mail"}}, {{"fields", Pairs{{"address", "Mail"}}}}),
            "column 'Mail' is read as email, which is hashed and never kept; take it out here"},
        Bad{"PersonsNameUnderFields", entry("contacts", kId, {{"fields", Pairs{{"name", "Name"}}}}),
            "'name' in 'fields' is the name of a canonical field of accounts, deals; take another"},
        Bad{"FieldsOfTouches", entry("touches", {{"time", "T"}}, {{"fields", Pairs{{"x", "X"}}}}),
            "'fields': touches have no CRM fields"},
        Bad{"DefaultId", entry("leads", kId, {{"defaults", Pairs{{"id", "1"}}}}),
            "'id' has no default: every row needs its own"},
        Bad{"DefaultCurrency", entry("deals", kId, {{"defaults", Pairs{{"currency", "EURO"}}}}),
            "currency: 'EURO' is no ISO 4217 code such as EUR"},
        Bad{"Delimiter", entry("leads", kId, {{"delimiter", ",,"}}),
            "delimiter: expected one ASCII character such as , ; or |, or the word tab"},
        Bad{"Pattern", entry("leads", kId, {{"pattern", "a/*.csv"}}),
            "pattern: expected a file name such as *.csv without '/'; the directory goes into 'path'"},
        Bad{"NumberedColumns", entry("leads", kId, {{"header", false}}),
            "'Id': with header: false expected the number of a column, the first is 1"},
        Bad{"HashFormWithoutColumn", entry("leads", kId, {{"email_hash_form", "email"}}),
            "email_hash_form needs the column 'email'"},
        Bad{"GivenTwice",
            entry("leads", {{"id", "Id"}, {"source", "S"}},
                  {{"translate",
                    std::vector{translation({{"column", "o"}, {"to", std::vector<std::string>{"source"}}})}}}),
            "'source' is given a second time in this file's options"},
        Bad{"TranslationOfTheWrongWidth",
            entry("leads", kId,
                  {{"translate", std::vector{translation({{"column", "o"},
                                                          {"to", std::vector<std::string>{"source", "medium"}},
                                                          {"values", Pairs{{"paid", "google"}}}})}}}),
            "expected 2 texts parted by ' / ' for source, medium, found 1"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(CsvConfig, AllErrorsOfAllFilesAreShown) {
  std::vector<connect::OptionError> errors;
  parse(conformance::fill_defaults(options(), {{"time_zone", "Mars/Olympus"},
                                               {"files", std::vector{file_entry(entry("leads", {{"x", "X"}})),
                                                                     file_entry(entry("deals", {{"y", "Y"}}))}}}),
        errors);
  EXPECT_EQ(errors.size(), 5U);
}

TEST(CsvConfig, NoFilesAreAnError) {
  std::vector<connect::OptionError> errors;
  parse(conformance::fill_defaults(options(), {}), errors);
  EXPECT_EQ(errors.size(), 1U);
}

TEST(CsvConfig, TheFingerprintChangesWithWhatRowsMean) {
  std::vector<std::string> messages;
  const auto print = [&](const conformance::Overrides& file) {
    return parse_one(file, messages).files.at(0).fingerprint;
  };
  const std::string plain = print(entry("leads", kId));
  EXPECT_EQ(print(entry("leads", kId)), plain);
  EXPECT_NE(print(entry("leads", {{"id", "Other"}})), plain);
  EXPECT_NE(print(entry("leads", kId, {{"delimiter", ";"}})), plain);
  EXPECT_NE(print(entry("leads", kId, {{"defaults", Pairs{{"stage", "new"}}}})), plain);
  EXPECT_NE(print(entry("leads", kId,
                        {{"translate",
                          std::vector{translation({{"column", "o"}, {"to", std::vector<std::string>{"source"}}})}}})),
            plain);
  EXPECT_THAT(messages, IsEmpty());
}

TEST(CsvConfig, OneFileMayBeReadTwice) {
  std::vector<connect::OptionError> errors;
  const auto file = file_entry(entry("contacts", kId));
  const Config config = parse(conformance::fill_defaults(options(), {{"files", std::vector{file, file}}}), errors);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_EQ(config.files[0].stream, "file:in.csv|contacts");
  EXPECT_EQ(config.files[1].stream, "file:in.csv|contacts|2");
}

}  // namespace
}  // namespace hw::connectors::csv
