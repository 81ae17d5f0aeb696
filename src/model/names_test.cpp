#include <gtest/gtest.h>

#include <set>
#include <string>

#include "model/consent.h"
#include "model/record.h"
#include "model/upload.h"

namespace hw {
namespace {

/// All `count` values have distinct names that are read back.
template <class E, class Read>
void check_names(int count, Read read) {
  std::set<std::string> seen;
  for (int i = 0; i < count; ++i) {
    const std::string name = to_string(static_cast<E>(i));
    EXPECT_FALSE(name.empty());
    EXPECT_TRUE(seen.insert(name).second) << name;
    EXPECT_EQ(static_cast<int>(read(name)), i) << name;
  }
}

template <class E>
E from(const std::string& name) {
  E out{};
  EXPECT_TRUE(from_string(name, out)) << name;
  return out;
}

TEST(Names, AreReadBackAsTheyAreWritten) {
  check_names<Operation>(3, from<Operation>);
  check_names<UploadState>(8, from<UploadState>);
  check_names<Mode>(3, from<Mode>);
  check_names<Object>(4, [](const std::string& s) { return object_from(s).value(); });
  check_names<Basis>(3, [](const std::string& s) { return basis_from(s.c_str()); });
}

TEST(Names, UnknownOnesAreRefused) {
  Mode mode = Mode::live;
  EXPECT_FALSE(from_string("Live", mode));
  EXPECT_FALSE(from_string("", mode));
  EXPECT_EQ(mode, Mode::live);
  EXPECT_FALSE(object_from("company"));
  EXPECT_DEATH(basis_from("guessed"), "");
}

struct ConsentCase {
  const char* text;
  ConsentState wanted;
};

class ConsentTable : public testing::TestWithParam<ConsentCase> {};

TEST_P(ConsentTable, IsReadInAnyCaseAndUnknownOtherwise) {
  EXPECT_EQ(consent_from(GetParam().text), GetParam().wanted);
}

INSTANTIATE_TEST_SUITE_P(
    Words, ConsentTable,
    testing::Values(ConsentCase{"true", ConsentState::granted}, ConsentCase{"YES", ConsentState::granted},
                    ConsentCase{" Granted ", ConsentState::granted}, ConsentCase{"1", ConsentState::granted},
                    ConsentCase{"opt_in", ConsentState::granted}, ConsentCase{"False", ConsentState::denied},
                    ConsentCase{"no", ConsentState::denied}, ConsentCase{"DENIED", ConsentState::denied},
                    ConsentCase{"0", ConsentState::denied}, ConsentCase{"Opt_Out", ConsentState::denied},
                    ConsentCase{"", ConsentState::unknown}, ConsentCase{"maybe", ConsentState::unknown},
                    ConsentCase{"yes please", ConsentState::unknown}, ConsentCase{"unknown", ConsentState::unknown}));

}  // namespace
}  // namespace hw
