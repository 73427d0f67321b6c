// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <bitset>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/check.hpp>
#include <waitwork/base/clock.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/base/result.hpp>
#include <waitwork/base/unique_fd.hpp>

namespace waitwork {
namespace {

// aligned_buffer

template <class T>
bool is_aligned(const T* pointer, std::size_t alignment_bytes) {
  return reinterpret_cast<std::uintptr_t>(pointer) % alignment_bytes == 0;
}

TEST(aligned_buffer, begins_at_a_multiple_of_its_alignment_whatever_its_size) {
  for (std::size_t count = 1; count < 200; ++count) {
    const aligned_buffer<float> for_simd(count);
    EXPECT_TRUE(is_aligned(for_simd.data(), simd_alignment_bytes));
    const aligned_buffer<std::byte> for_direct_io(count * 37, direct_io_alignment_bytes);
    EXPECT_TRUE(is_aligned(for_direct_io.data(), direct_io_alignment_bytes));
  }
}

TEST(aligned_buffer, holds_zeros_at_first) {
  const aligned_buffer<std::uint32_t> buffer(10'000);
  ASSERT_EQ(buffer.size(), 10'000u);
  for (const std::uint32_t element : buffer.span()) ASSERT_EQ(element, 0u);
}

TEST(aligned_buffer, is_empty_without_elements) {
  const aligned_buffer<int> none;
  const aligned_buffer<int> zero(0);
  EXPECT_EQ(none.data(), nullptr);
  EXPECT_TRUE(none.span().empty());
  EXPECT_EQ(zero.data(), nullptr);
  EXPECT_EQ(zero.size(), 0u);
}

TEST(aligned_buffer, gives_its_elements_away_when_moved) {
  aligned_buffer<int> first(3);
  first[1] = 7;
  const int* elements = first.data();
  aligned_buffer<int> second(std::move(first));
  EXPECT_EQ(second.data(), elements);
  EXPECT_EQ(second[1], 7);
  aligned_buffer<int> third(5);
  third = std::move(second);
  EXPECT_EQ(third.data(), elements);
  EXPECT_EQ(third.size(), 3u);
  third.span()[2] = 9;
  EXPECT_EQ(std::as_const(third)[2], 9);
  static_assert(!std::is_copy_constructible_v<aligned_buffer<int>>);
}

// WAITWORK_CHECK

TEST(check, evaluates_its_condition_once_and_passes) {
  int evaluations = 0;
  WAITWORK_CHECK(++evaluations == 1, "the first evaluation");
  EXPECT_EQ(evaluations, 1);
}

TEST(check_death_test, stops_with_place_condition_and_sentence) {
  const int answer = 41;
  EXPECT_DEATH(WAITWORK_CHECK(answer == 42, "the answer is right"),
               "base_test.cpp:[0-9]+: check failed: answer == 42: the answer is right");
}

// clock

TEST(clock, never_runs_backwards_and_is_the_steady_clock) {
  std::int64_t before = now_ns();
  for (int i = 0; i < 10'000; ++i) {
    const std::int64_t now = now_ns();
    ASSERT_GE(now, before);
    before = now;
  }
  const std::int64_t first = now_ns();
  const std::int64_t steady = std::chrono::steady_clock::now().time_since_epoch().count();
  EXPECT_LE(first, steady);
  EXPECT_LE(steady, now_ns());
}

// environment_error

TEST(environment_error, says_operation_subject_cause_and_remedy_in_one_sentence) {
  const environment_error error("open", "/data", "permission denied", "choose a directory you may write to");
  EXPECT_STREQ(error.what(), "open /data: permission denied; choose a directory you may write to");
  EXPECT_EQ(error.operation(), "open");
  EXPECT_EQ(error.subject(), "/data");
  EXPECT_EQ(error.cause(), "permission denied");
  EXPECT_EQ(error.remedy(), "choose a directory you may write to");
}

TEST(environment_error, leaves_out_what_there_is_not) {
  EXPECT_STREQ(environment_error("io_uring_setup", "", "forbidden", "").what(), "io_uring_setup: forbidden");
}

TEST(environment_error, is_caught_as_itself_when_something_is_unsupported) {
  EXPECT_THROW(throw unsupported_error("open", "f", "no O_DIRECT", ""), environment_error);
}

// random

TEST(splitmix64, gives_the_published_sequence) {
  // From state 1234567, as computed by the public-domain reference implementation
  // (prng.di.unimi.it/splitmix64.c).
  splitmix64 random(1234567);
  const std::array<std::uint64_t, 5> published{6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
                                               4593380528125082431u, 16408922859458223821u};
  for (const std::uint64_t value : published) EXPECT_EQ(random(), value);
}

TEST(splitmix64, serves_as_a_standard_generator) {
  static_assert(std::uniform_random_bit_generator<splitmix64>);
  splitmix64 first(1);
  splitmix64 second(1);
  std::uniform_int_distribution<int> dice(1, 6);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(dice(first), dice(second));
}

TEST(splitmix64, stays_below_a_bound_and_reaches_every_value) {
  splitmix64 random(3);
  for (const std::uint64_t bound : {1u, 2u, 3u, 10u}) {
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t value = random.below(bound);
      ASSERT_LT(value, bound);
      seen.insert(value);
    }
    EXPECT_EQ(seen.size(), bound);
  }
}

TEST(mix64, changes_about_half_of_the_bits_when_one_bit_changes) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    int changed = 0;
    for (std::uint64_t value = 0; value < 64; ++value) {
      const std::uint64_t difference = mix64(value) ^ mix64(value ^ (std::uint64_t{1} << bit));
      changed += static_cast<int>(std::bitset<64>(difference).count());
    }
    EXPECT_NEAR(changed / 64.0, 32.0, 4.0) << "bit " << bit;
  }
}

// result

TEST(result, carries_a_value_or_an_errno) {
  const result<int> good = 5;
  const result<int> bad = errno_error(ENOENT);
  EXPECT_EQ(*good, 5);
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error(), std::errc::no_such_file_or_directory);
  EXPECT_EQ(bad.error().value(), ENOENT);
}

TEST(value_or_throw, moves_the_value_out) {
  result<std::unique_ptr<int>> owner = std::make_unique<int>(8);
  EXPECT_EQ(*value_or_throw(std::move(owner), "make"), 8);
  EXPECT_NO_THROW(value_or_throw(result<void>(), "do nothing"));
}

TEST(value_or_throw, says_what_was_attempted_and_why_it_failed) {
  try {
    value_or_throw(result<int>(errno_error(EACCES)), "open the file");
    FAIL() << "nothing was thrown";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EACCES);
    EXPECT_NE(std::string(error.what()).find("open the file"), std::string::npos);
  }
  EXPECT_THROW(value_or_throw(result<void>(errno_error(EIO)), "sync"), std::system_error);
}

// unique_fd

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

unique_fd open_null() { return unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

TEST(unique_fd, closes_its_descriptor_when_it_ends) {
  int number = -1;
  {
    const unique_fd fd = open_null();
    ASSERT_TRUE(fd);
    number = fd.get();
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(unique_fd, owns_nothing_by_default) {
  const unique_fd none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.get(), -1);
}

TEST(unique_fd, takes_descriptor_zero_for_one) {
  unique_fd zero(0);
  EXPECT_TRUE(zero);
  EXPECT_EQ(zero.release(), 0);
}

TEST(unique_fd, hands_over_ownership_when_moved) {
  unique_fd first = open_null();
  const int number = first.get();
  unique_fd second(std::move(first));
  EXPECT_EQ(second.get(), number);
  unique_fd third = open_null();
  const int replaced = third.get();
  third = std::move(second);
  EXPECT_EQ(third.get(), number);
  EXPECT_FALSE(is_open(replaced));
  EXPECT_TRUE(is_open(number));
}

TEST(unique_fd, survives_a_move_to_itself) {
  unique_fd fd = open_null();
  const int number = fd.get();
  unique_fd& same = fd;
  fd = std::move(same);
  EXPECT_EQ(fd.get(), number);
  EXPECT_TRUE(is_open(number));
}

TEST(unique_fd, closes_what_it_owned_when_reset_and_keeps_nothing_when_released) {
  unique_fd fd = open_null();
  const int first = fd.get();
  fd.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int second = fd.get();
  EXPECT_TRUE(second == first || !is_open(first));
  EXPECT_EQ(fd.release(), second);
  EXPECT_FALSE(fd);
  EXPECT_TRUE(is_open(second));
  ::close(second);
}

}  // namespace
}  // namespace waitwork
