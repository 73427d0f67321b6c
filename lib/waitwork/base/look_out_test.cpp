// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/look_out.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace waitwork {
namespace {

// How often it asks before it gives up.
int looks_in_vain(look_out& patience) {
  int looks = 0;
  EXPECT_FALSE(patience.until([&looks] { return ++looks < 0; }));
  return looks;
}

TEST(look_out, asks_once_for_what_is_there) {
  look_out patience;
  int looks = 0;
  EXPECT_TRUE(patience.until([&looks] { return ++looks == 1; }));
  EXPECT_EQ(looks, 1);
}

TEST(look_out, sees_what_another_thread_does) {
  for (int i = 0; i < 100; ++i) {
    look_out patience;
    std::atomic<bool> done{false};
    std::thread other([&done] { done = true; });
    while (!patience.until([&done] { return done.load(); })) {
    }
    other.join();
  }
}

TEST(look_out, gives_up_for_twice_as_long_each_time) {
  look_out patience;
  for (int failures = 1; failures <= 8; ++failures) {
    ASSERT_GT(looks_in_vain(patience), 1) << failures;
    const int passed_over = 1 << std::min(failures, 6);
    for (int i = 0; i < passed_over; ++i) ASSERT_EQ(looks_in_vain(patience), 1) << failures << ", " << i;
  }
}

TEST(look_out, hopes_again_after_it_has_paid) {
  look_out patience;
  looks_in_vain(patience);
  for (int i = 0; i < 2; ++i) looks_in_vain(patience);
  int looks = 0;
  EXPECT_TRUE(patience.until([&looks] { return ++looks == 3; }));
  EXPECT_GT(looks_in_vain(patience), 1);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(looks_in_vain(patience), 1);
  EXPECT_GT(looks_in_vain(patience), 1);
}

TEST(look_out, asks_once_after_it_has_given_up_if_it_is_there_by_then) {
  look_out patience;
  looks_in_vain(patience);
  EXPECT_TRUE(patience.until([] { return true; }));
}

}  // namespace
}  // namespace waitwork
