#include <gtest/gtest.h>

#include <stdexcept>

#include "connect/registry.h"

namespace hw::connect {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(Options, GiveWhatWasSetByItsType) {
  Options o;
  o.set("account", "123");
  o.set("rows", 5);
  o.set("strict", true);
  o.set("token", Secret("s3cret"));
  o.set("files", std::vector<std::string>{"a.csv"});
  o.set("fields", Pairs{{"stage", "Stage"}});
  o.set("groups", std::vector<Options>(2));
  o.set("pause", 1'500'000);
  EXPECT_EQ(o.text("account"), "123");
  EXPECT_EQ(o.integer("rows"), 5);
  EXPECT_TRUE(o.boolean("strict"));
  EXPECT_EQ(o.secret("token").reveal(), "s3cret");
  EXPECT_EQ(o.list("files"), std::vector<std::string>{"a.csv"});
  EXPECT_EQ(o.map("fields"), (Pairs{{"stage", "Stage"}}));
  EXPECT_EQ(o.groups("groups").size(), 2U);
  EXPECT_EQ(o.duration("pause"), Duration(1'500'000));
}

TEST(Options, ADeclaredOptionThatIsAbsentIsEmpty) {
  Options o;
  o.set("account", {});
  EXPECT_FALSE(o.has("account"));
  EXPECT_EQ(o.text("account"), "");
  EXPECT_EQ(o.integer("account"), 0);
  EXPECT_FALSE(o.boolean("account"));
  EXPECT_TRUE(o.secret("account").empty());
  EXPECT_TRUE(o.list("account").empty());
  EXPECT_TRUE(o.map("account").empty());
  EXPECT_TRUE(o.groups("account").empty());
}

TEST(Options, AskingForWhatWasNotDeclaredOrForAnotherTypeAborts) {
  Options o;
  o.set("rows", 5);
  EXPECT_DEATH((void)o.text("row"), "'row' was not declared");
  EXPECT_DEATH((void)o.text("rows"), "'rows' was asked for as another type");
}

TEST(Options, KnowWhereAValueStands) {
  Options o;
  o.at = {"crm.yaml", 2, 1};
  o.set("given", "x");
  o.values["given"].at = {"crm.yaml", 5, 10};
  o.values["given"].key_marks["k"] = {"crm.yaml", 6, 3};
  o.set("absent", {});
  EXPECT_EQ(o.mark("given"), (Mark{"crm.yaml", 5, 10}));
  EXPECT_EQ(o.mark("given", "k"), (Mark{"crm.yaml", 6, 3}));
  EXPECT_EQ(o.mark("given", "other"), (Mark{"crm.yaml", 5, 10}));
  EXPECT_EQ(o.mark("absent"), (Mark{"crm.yaml", 2, 1}));
}

TEST(Options, AnErrorBeginsWithItsPlace) {
  EXPECT_EQ(to_string(OptionError{{"crm.yaml", 7, 3}, "unknown option"}), "crm.yaml:7:3: unknown option");
  EXPECT_EQ(to_string(OptionError{{"crm.yaml", 0, 0}, "is empty"}), "crm.yaml: is empty");
  EXPECT_EQ(to_string(OptionError{{}, "no file"}), "no file");
}

ConnectorType type(const char* name, Vocabulary vocabulary) {
  ConnectorType t;
  t.name = name;
  t.vocabulary = std::move(vocabulary);
  return t;
}

IdentifierDecl click(const char* name, const char* source) {
  return {.type = name,
          .kind = IdKind::click,
          .url_parameter = name,
          .implied_source = source,
          .implied_medium = "cpc",
          .help = ""};
}

std::vector<ConnectorType> types(ConnectorType a, ConnectorType b) {
  std::vector<ConnectorType> out;
  out.push_back(std::move(a));
  out.push_back(std::move(b));
  return out;
}

TEST(Registry, MergesTheVocabulariesOfItsConnectors) {
  const CookieDecl cookie{"_ck", "whole", "ckid"};
  const Registry registry(
      types(type("crm", {{click("aid", "a"), click("ckid", "b")}, {cookie}}),
            type("ads", {{click("ckid", "b"), click("zid", "z")}, {cookie, {"_z", "whole", "zid"}}})));
  EXPECT_EQ(registry.vocabulary().identifiers.size(), 3U);
  EXPECT_EQ(registry.vocabulary().cookies.size(), 2U);
  ASSERT_NE(registry.vocabulary().find("zid"), nullptr);
  EXPECT_EQ(registry.vocabulary().find("zid")->implied_source, "z");
  EXPECT_EQ(registry.vocabulary().find("zi"), nullptr);
  ASSERT_NE(registry.find("ads"), nullptr);
  EXPECT_EQ(registry.find("ads")->name, "ads");
  EXPECT_EQ(registry.find("csv"), nullptr);
}

TEST(Registry, ConnectorsMayExplainOneIdentifierInTheirOwnWords) {
  IdentifierDecl first = click("x", "one"), second = first;
  first.help = "Click of a search ad";
  second.help = "The platform's click id";
  const Registry registry(types(type("a", {{first}, {}}), type("b", {{second}, {}})));
  ASSERT_NE(registry.vocabulary().find("x"), nullptr);
  EXPECT_EQ(registry.vocabulary().find("x")->help, "Click of a search ad");
}

TEST(Registry, RefusesDeclarationsThatContradictEachOther) {
  EXPECT_THROW(Registry(types(type("a", {{click("x", "one")}, {}}), type("b", {{click("x", "two")}, {}}))),
               std::logic_error);
  EXPECT_THROW(Registry(types(type("a", {{}, {{"_c", "whole", "x"}}}), type("b", {{}, {{"_c", "session", "x"}}}))),
               std::logic_error);
  EXPECT_THROW(Registry(types(type("a", {}), type("a", {}))), std::logic_error);
}

TEST(Verdict, HasANameForEachValue) {
  EXPECT_STREQ(to_string(Verdict::already_received), "already_received");
  EXPECT_STREQ(to_string(Verdict::pause), "pause");
}

}  // namespace
}  // namespace hw::connect
