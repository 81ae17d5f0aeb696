#include "connectors/csv/reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace hw::connectors::csv {
namespace {

/// A stream that gives `step` bytes at a time, so that rows break where they may.
class Bytes final : public ByteSource {
 public:
  Bytes(std::string_view bytes, std::size_t step) : bytes_(bytes), step_(step) {}
  Result<std::size_t> read(char* into, std::size_t room) override {
    const std::size_t n = std::min({room, bytes_.size(), step_});
    std::memcpy(into, bytes_.data(), n);
    bytes_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view bytes_;
  std::size_t step_;
};

/// "1[a|b] 2[c|d] 4!unclosed_quote": each row or fault behind its line.
std::string transcript(std::string_view bytes, Dialect dialect, std::size_t step) {
  Bytes source(bytes, step);
  Reader reader(dialect, source);
  Row row;
  std::string out;
  for (;;) {
    const auto next = reader.next(row);
    if (!next || next->what == Next::What::end) return out;
    out += (out.empty() ? "" : " ") + std::to_string(next->line);
    if (next->what == Next::What::fault) {
      out += "!" + next->code;
      continue;
    }
    out += "[";
    for (std::size_t i = 0; i < row.size(); ++i) out.append(i ? "|" : "").append(row[i]);
    out += "]";
  }
}

struct Case {
  const char* name;
  std::string bytes;
  const char* expected;
  Dialect dialect{};
};

constexpr Dialect kTab{'\t', Encoding::automatic}, kSemicolon{';', Encoding::automatic};
constexpr Dialect kUtf8{',', Encoding::utf8}, kLatin1{',', Encoding::latin1};
constexpr Dialect kOpen{.last_line_may_be_open = true};
using namespace std::string_literals;

class Reading : public testing::TestWithParam<Case> {};

TEST_P(Reading, GivesTheSameRowsHoweverTheBytesCome) {
  const Case& c = GetParam();
  for (const std::size_t step :
       {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{1} << 20}) {
    if (c.bytes.size() > 1000 * step) continue;
    EXPECT_EQ(transcript(c.bytes, c.dialect, step), c.expected) << "step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, Reading,
    testing::Values(
        Case{"Nothing", "", ""},            //
        Case{"OneRow", "a,b\n", "1[a|b]"},  //
        Case{"NoLineEndAtTheEnd", "a,b\nc,d", "1[a|b] 2!cut_off"},
        Case{"NoLineEndWhereTheExportLeavesItOut", "a,b\nc,d", "1[a|b] 2[c|d]", kOpen},  //
        Case{"Crlf", "a,b\r\nc,d\r\n", "1[a|b] 2[c|d]"},                                 //
        Case{"LoneCr", "a,b\rc,d\r", "1[a|b] 2[c|d]"},                                   //
        Case{"MixedLineEnds", "a\r\nb\nc\rd", "1[a] 2[b] 3[c] 4[d]", kOpen},             //
        Case{"EmptyFields", ",,\n", "1[||]"},                                            //
        Case{"TrailingDelimiterAtTheEnd", "a,", "1!cut_off"},
        Case{"TrailingDelimiterWhereTheLineEndIsLeftOut", "a,", "1[a|]", kOpen},                        //
        Case{"BlankLinesArePassedOver", "a,b\n\n\r\nc,d\n\n", "1[a|b] 4[c|d]"},                         //
        Case{"ALineOfSpacesIsARow", "  \n", "1[  ]"},                                                   //
        Case{"Quoted", "\"a\",\"b\"\n", "1[a|b]"},                                                      //
        Case{"QuotedDelimiter", "\"a,b\",c\n", "1[a,b|c]"},                                             //
        Case{"DoubledQuote", "\"a \"\"b\"\" c\",d\n", "1[a \"b\" c|d]"},                                //
        Case{"OnlyDoubledQuotes", "\"\"\"\"\n", "1[\"]"},                                               //
        Case{"EmptyQuotedFieldIsNoBlankLine", "\"\"\na\n", "1[] 2[a]"},                                 //
        Case{"QuotedNewlineKeepsTheRowTogether", "\"a\nb\",c\nd,e\n", "1[a\nb|c] 3[d|e]"},              //
        Case{"QuotedCrlfCountsOneLine", "\"a\r\nb\rc\",d\ne,f\n", "1[a\r\nb\rc|d] 4[e|f]"},             //
        Case{"QuoteInsideAnUnquotedField", "5\" pipe,b\n", "1[5\" pipe|b]"},                            //
        Case{"ClosingQuoteAtTheVeryEnd", "a,\"b\"", "1[a|b]"},                                          //
        Case{"TextAfterClosingQuote", "\"a\"x,b\nc,d\n", "1!text_after_quote 2[c|d]"},                  //
        Case{"SpaceAfterClosingQuote", "\"a\" ,b\nc,d\n", "1!text_after_quote 2[c|d]"},                 //
        Case{"UnclosedQuoteAtTheEnd", "a,b\nc,\"d\n", "1[a|b] 2!unclosed_quote"},                       //
        Case{"UnclosedQuoteCostsOneRow", "a,\"b\nc,d\ne,f\n", "1!unclosed_quote 2[c|d] 3[e|f]"},        //
        Case{"StrayQuoteBeforeQuotedRowCostsOneRow", "a,\"b\n\"c\",d\n", "1!text_after_quote 2[c|d]"},  //
        Case{"ByteOrderMark",
             "\xEF\xBB\xBF"
             "a,b\n",
             "1[a|b]"},                                                       //
        Case{"ByteOrderMarkBeforeQuote", "\xEF\xBB\xBF\"a\",b\n", "1[a|b]"},  //
        Case{"ByteOrderMarkAlone", "\xEF\xBB\xBF", ""},                       //
        Case{"ByteOrderMarkLaterIsText",
             "a\n\xEF\xBB\xBF"
             "b\n",
             "1[a] 2[\xEF\xBB\xBF"
             "b]"},                                                                                           //
        Case{"Tab", "a\tb,c\n", "1[a|b,c]", kTab},                                                            //
        Case{"Semicolon", "1,5;\"a;b\"\n", "1[1,5|a;b]", kSemicolon},                                         //
        Case{"Utf8", "M\xC3\xBCller,\xE2\x82\xAC\n", "1[M\xC3\xBCller|\xE2\x82\xAC]", kUtf8},                 //
        Case{"Latin1", "M\xFCller,b\n", "1[M\xC3\xBCller|b]", kLatin1},                                       //
        Case{"WindowsEuroSign", "\x80 5\n", "1[\xE2\x82\xAC 5]", kLatin1},                                    //
        Case{"AutoReadsEachRowByItself", "M\xFCller\nM\xC3\xBCller\n", "1[M\xC3\xBCller] 2[M\xC3\xBCller]"},  //
        Case{"AutoKeepsBytesApartAtFieldEnds", "\xC3,\xBC\n", "1[\xC3\x83|\xC2\xBC]"},                        //
        Case{"NoUtf8WhereItMustBe", "a\nM\xFCller\nb\n", "1[a] 2!encoding 3[b]", kUtf8},                      //
        Case{"NulByte", "a\nb\0c\nd\n"s, "1[a] 2!nul_byte 3[d]"},                                             //
        Case{"Utf16",
             "\xFF\xFE"
             "a\0,\0"s,
             "1!nul_byte", kOpen},                                                                           //
        Case{"FieldTooLong", std::string(kLongestField + 1, 'x') + ",b\nc,d\n", "1!field_too_long 2[c|d]"},  //
        Case{"QuotedFieldTooLong", "a,\"b\nc,d\n" + std::string(kLongestField, '\n') + "e,f\n",
             "1!field_too_long 2[c|d] 262147[e|f]"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Reader, AFieldOfTheLongestLengthIsTaken) {
  const std::string field(kLongestField, 'x');
  EXPECT_EQ(transcript("\"" + field + "\"\n", {}, 1 << 16), "1[" + field + "]");
}

TEST(Reader, ARowOfManyFieldsEndsAtTheLongestRow) {
  const std::string longest = std::string(kLongestRow, ',') + "\na,b\n";
  EXPECT_EQ(transcript(longest, {}, 1 << 20), "1!row_too_long 2[a|b]");
}

TEST(Reader, GoesOnFromWhereItSaidItWas) {
  const std::string bytes =
      "\xEF\xBB\xBF"
      "a,b\r\n\"c\nd\",e\n\nf,\"g\nh,i\n";
  Bytes source(bytes, 3);
  Reader reader({}, source);
  Row row;
  std::uint64_t offset = 0, line = 1;
  for (;;) {
    Bytes rest(std::string_view(bytes).substr(offset), 2);
    Reader later({}, rest, offset, line);
    Row other;
    const auto next = reader.next(row), again = later.next(other);
    ASSERT_TRUE(next && again);
    EXPECT_EQ(again->what, next->what);
    EXPECT_EQ(again->line, next->line);
    if (next->what == Next::What::end) break;
    if (next->what == Next::What::row) {
      EXPECT_EQ(other.joined(), row.joined());
    }
    EXPECT_EQ(later.offset(), reader.offset());
    EXPECT_EQ(later.line(), reader.line());
    offset = reader.offset();
    line = reader.line();
  }
  EXPECT_EQ(offset, bytes.size());
  EXPECT_EQ(line, 7U);
}

TEST(Reader, HandsOnTheErrorOfItsSource) {
  struct Broken final : ByteSource {
    Result<std::size_t> read(char*, std::size_t) override { return Error{Action::retry, "csv_read", "disk"}; }
  } source;
  Reader reader({}, source);
  Row row;
  const auto next = reader.next(row);
  ASSERT_FALSE(next.has_value());
  EXPECT_EQ(next.error().code, "csv_read");
}

}  // namespace
}  // namespace hw::connectors::csv
