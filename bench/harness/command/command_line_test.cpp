// SPDX-License-Identifier: Apache-2.0
#include <harness/command/command_line.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <waitwork/base/random.hpp>

#include <harness/words/usage_error.hpp>

namespace waitwork::bench {
namespace {

using words = std::vector<std::string>;

std::string refusal_of(const words& arguments) {
  try {
    parse_command_line(arguments);
  } catch (const usage_error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(command_line, takes_no_flag_for_the_value_of_another) {
  const words flags = {"--suite", "--filter", "--rounds", "--timeout", "--seed", "--out", "--work-dir"};
  for (const std::string& flag : flags) {
    for (const char* const next : {"--out=x.json", "--resume", "--benchmark_format=json", "--no-such-flag", "--"}) {
      EXPECT_THAT(refusal_of({"run", flag, next}), testing::StartsWith(flag + " needs a value")) << next;
    }
    EXPECT_THAT(refusal_of({"run", flag}), testing::StartsWith(flag + " needs a value"));
  }
  EXPECT_EQ(refusal_of({"run", "--filter=--out"}), "accepted");
  EXPECT_EQ(refusal_of({"run", "--filter", "-cpu", "--out", "-"}), "accepted");
}

TEST(command_line, takes_an_empty_value_for_what_it_is) {
  const auto filter_of = [](const words& arguments) {
    const list_options options = std::get<list_options>(parse_command_line(arguments));
    return options.rows.filter.value_or("none") + "|" + options.rows.suite.value_or("none");
  };
  EXPECT_EQ(filter_of({"list", "--filter", "", "--suite", "smoke"}), "|smoke");
  EXPECT_EQ(filter_of({"list", "--filter=", "--suite", "smoke"}), "|smoke");
  EXPECT_THAT(refusal_of({"list", "--filter=", "io/timer"}), testing::HasSubstr("unexpected argument 'io/timer'"));
  for (const char* const flag : {"--suite", "--rounds", "--timeout", "--seed", "--out", "--work-dir"}) {
    EXPECT_THAT(refusal_of({"run", flag, "", "--filter=x"}), testing::StartsWith(std::string(flag) + ": ''")) << flag;
    EXPECT_THAT(refusal_of({"run", std::string(flag) + "=", "x"}), testing::Not("accepted")) << flag;
  }
  EXPECT_THAT(refusal_of({"doctor", "--work-dir", "", "--json"}), testing::StartsWith("--work-dir: ''"));
}

TEST(command_line, knows_what_newer_releases_of_google_benchmark_added) {
  const auto parsed = [](const words& arguments) { return std::get<run_options>(parse_command_line(arguments)); };
  EXPECT_EQ(parsed({"--benchmark_min_time=5x"}).google_benchmark.iterations, 5u);
  EXPECT_FALSE(parsed({"--benchmark_min_time=5x"}).min_time_s);
  EXPECT_EQ(parsed({"--benchmark_min_time=0.5s"}).min_time_s, 0.5);
  EXPECT_EQ(parsed({"--benchmark_min_time=5x", "--benchmark_min_time=1s"}).google_benchmark.iterations, 0u);
  EXPECT_EQ(parsed({"--benchmark_dry_run"}).google_benchmark.iterations, 1u);
  EXPECT_EQ(parsed({"--benchmark_dry_run=true", "--rounds=7"}).rounds, 1u);
  EXPECT_FALSE(parsed({"--benchmark_dry_run=false"}).rounds);
}

// Whatever the words: a value, or one sentence of one line.
TEST(command_line, of_any_words_is_understood_or_refused_in_a_sentence) {
  const words pieces = {"run",
                        "list",
                        "doctor",
                        "help",
                        "--help",
                        "--version",
                        "--suite",
                        "--suite=smoke",
                        "smoke",
                        "--filter",
                        "--filter=(",
                        "-io/",
                        "--rounds",
                        "--rounds=0",
                        "5",
                        "-1",
                        "1e9",
                        "--seed=",
                        "--timeout=nan",
                        "--out",
                        "--out=",
                        "-",
                        "--out=/dev/stdout",
                        "--resume",
                        "--resume=x",
                        "--json",
                        "--work-dir",
                        "--benchmark_min_time=5x",
                        "--benchmark_min_time=x",
                        "--benchmark_filter=*",
                        "--benchmark_dry_run",
                        "--benchmark_",
                        "--v=",
                        "--v=9",
                        "",
                        "--",
                        "=",
                        "\x1b[31m",
                        "\n::error::x",
                        "\xff\xfe",
                        "--waitwork-child",
                        "{}",
                        std::string(5'000, '('),
                        "--no-such",
                        "--loop-stats"};
  splitmix64 random(20261128);
  unsigned accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    words arguments;
    for (std::uint64_t left = random.below(6); left > 0; --left) {
      std::string word = pieces[random.below(pieces.size())];
      if (!word.empty() && random.below(4) == 0) word[random.below(word.size())] = static_cast<char>(random.below(256));
      arguments.push_back(word);
    }
    const std::string refusal = refusal_of(arguments);
    if (refusal == "accepted") {
      ++accepted;
      continue;
    }
    EXPECT_LT(refusal.size(), 1'000u) << "a long word is not repeated";
    EXPECT_FALSE(refusal.empty());
  }
  EXPECT_GT(accepted, 1'000u) << "words that are right are among them";
}

}  // namespace
}  // namespace waitwork::bench
