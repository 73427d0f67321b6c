// SPDX-License-Identifier: Apache-2.0
#include <peers/kernels/slices.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace waitwork::bench {
namespace {

void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }

TEST(slices, give_every_contender_its_turns_and_prepare_each) {
  std::vector<std::string> seen;
  bool prepared = false;
  int unprepared = 0;
  const auto run = [&](const std::string& name) {
    return [&seen, name] {
      pause();
      seen.push_back(name);
    };
  };
  std::vector<contender> contenders = {{"first", run("first")}, {"second", run("second")}};
  contenders.push_back({"prepared",
                        [&] {
                          pause();
                          if (!prepared) ++unprepared;
                        },
                        [&] { prepared = true; }, [&] { prepared = false; }});
  const slices done(contenders);
  EXPECT_EQ(unprepared, 0);
  EXPECT_FALSE(prepared);
  // Once to find out how long it takes, and seven cycles at the least.
  for (const std::string name : {"first", "second"}) EXPECT_GE(std::ranges::count(seen, name), 8) << name;
  EXPECT_TRUE(done.has("second"));
  EXPECT_FALSE(done.has("third"));
}

TEST(slices, are_not_all_in_one_order) {
  std::vector<char> seen;
  std::vector<contender> contenders;
  for (const char name : {'a', 'b', 'c'}) {
    contenders.push_back({std::string(1, name), [&seen, name] {
                            pause();
                            if (seen.empty() || seen.back() != name) seen.push_back(name);
                          }});
  }
  const slices done(contenders);
  std::vector<char> turning;
  for (std::size_t i = 0; i < seen.size(); ++i) turning.push_back("abc"[i % 3]);
  EXPECT_NE(seen, turning);
}

TEST(slices, have_the_ratio_one_to_one_and_its_inverse) {
  const slices done({{"same", pause}, {"again", pause}});
  EXPECT_EQ(done.time_ratio("same", "same"), 1.0);
  EXPECT_NEAR(done.time_ratio("same", "again") * done.time_ratio("again", "same"), 1.0, 1e-9);
}

TEST(slices, throw_what_a_contender_throws) {
  EXPECT_THROW(slices({{"fails", [] { throw std::runtime_error("no"); }}}), std::runtime_error);
}

TEST(slices_death_test, know_only_who_took_part) {
  const slices done({{"same", pause}});
  EXPECT_DEATH(done.time_ratio("same", "other"), "took part");
}

}  // namespace
}  // namespace waitwork::bench
