// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/build_info.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waitwork {
namespace {

using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::Each;
using ::testing::Key;
using ::testing::MatchesRegex;
using ::testing::Pair;
using ::testing::StartsWith;

TEST(build_info, says_what_the_program_was_built_from_and_with) {
  const build_info info = read_build_info();
  EXPECT_THAT(info.version, MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(info.compiler, AnyOf(StartsWith("g++ "), StartsWith("clang++ ")));
  EXPECT_FALSE(info.build_type.empty());
}

TEST(build_info, names_the_libraries_and_their_versions) {
  const auto libraries = read_build_info().libraries;
  for (const char* name : {"google_benchmark", "liburing", "onetbb", "nlohmann_json", "glibc"}) {
    EXPECT_THAT(libraries, ::testing::Contains(Key(name)));
  }
  EXPECT_THAT(libraries, Each(Pair(::testing::_, ContainsRegex("^[0-9]"))));
}

TEST(build_info, has_a_commit_or_none_but_not_an_empty_one) {
  EXPECT_THAT(read_build_info().git.value_or("0"), ContainsRegex("^[0-9a-f]+(-dirty)?$"));
}

}  // namespace
}  // namespace waitwork
