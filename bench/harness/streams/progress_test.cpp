// SPDX-License-Identifier: Apache-2.0
#include <harness/streams/progress.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>

#include <waitwork/base/unique_fd.hpp>

#include <harness/record/time_estimate.hpp>

namespace waitwork::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(time_estimate, claims_nothing_before_the_first_row) {
  EXPECT_EQ(time_estimate(3).remaining({5, 5, 5}), std::nullopt);
  EXPECT_EQ(time_estimate(0).remaining({}), std::nullopt);
}

TEST(time_estimate, takes_the_mean_for_rows_not_yet_seen) {
  time_estimate estimate(3);
  estimate.learn(0, 1);
  estimate.learn(1, 3);
  EXPECT_DOUBLE_EQ(*estimate.remaining({4, 4, 5}), 4 * 1 + 4 * 3 + 5 * 2);
}

TEST(time_estimate, believes_the_latest_round_of_a_row) {
  time_estimate estimate(1);
  estimate.learn(0, 1);
  estimate.learn(0, 2);
  EXPECT_DOUBLE_EQ(*estimate.remaining({3}), 6);
}

TEST(time_estimate, of_nothing_left_is_zero) {
  time_estimate estimate(2);
  estimate.learn(0, 1);
  EXPECT_DOUBLE_EQ(*estimate.remaining({0, 0}), 0);
}

TEST(clock_text, of_any_number_is_a_clock) {
  for (const double seconds : {-1.0, 1e19, 1e308, std::numeric_limits<double>::infinity(), std::nan("")}) {
    EXPECT_FALSE(clock_text(seconds).empty()) << seconds;
  }
}

TEST(clock_text, reads_like_a_clock) {
  EXPECT_EQ(clock_text(0), "0:00");
  EXPECT_EQ(clock_text(7.4), "0:07");
  EXPECT_EQ(clock_text(59.6), "1:00");
  EXPECT_EQ(clock_text(754), "12:34");
  EXPECT_EQ(clock_text(3723), "1:02:03");
  EXPECT_EQ(clock_text(-1), "0:00");
}

progress_state example() { return {12, 985, 34, 200.0, 0, "io/timer/sequential"}; }

TEST(progress_text, says_how_far_how_long_and_what) {
  EXPECT_EQ(progress_text(example(), 0), "[ 12/985] 0:34 elapsed, about 3:20 left: io/timer/sequential");
  progress_state state = example();
  state.failures = 2;
  state.remaining_s.reset();
  EXPECT_EQ(progress_text(state, 0), "[ 12/985] 0:34 elapsed, 2 failed: io/timer/sequential");
}

TEST(progress_text, fits_the_terminal) {
  EXPECT_EQ(progress_text(example(), 20).size(), 19u);
  EXPECT_EQ(progress_text(example(), 1), "");
}

class progress_on_a_pipe : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    reader_.reset(ends[0]);
    writer_.reset(ends[1]);
  }
  std::string written() {
    writer_.reset();
    std::string text(65536, '\0');
    const ssize_t count = ::read(reader_.get(), text.data(), text.size());
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }
  unique_fd reader_, writer_;
};

TEST_F(progress_on_a_pipe, is_not_shown) {
  {
    progress line(writer_.get());
    for (int turn = 0; turn < 100; ++turn) line.show(example());
  }
  EXPECT_EQ(written(), "");
}

TEST_F(progress_on_a_pipe, has_no_colour) {
  progress(writer_.get()).say("a row failed", true);
  EXPECT_EQ(written(), "waitwork: a row failed\n");
}

class progress_on_a_terminal : public testing::Test {
 protected:
  void SetUp() override {
    master_.reset(::posix_openpt(O_RDWR | O_NOCTTY));
    ASSERT_TRUE(master_ && ::grantpt(master_.get()) == 0 && ::unlockpt(master_.get()) == 0);
    terminal_.reset(::open(::ptsname(master_.get()), O_RDWR | O_NOCTTY));
    ASSERT_TRUE(terminal_);
    ::setenv("TERM", "xterm", 1);
    ::unsetenv("NO_COLOR");
  }
  // A terminal hands over what was written in pieces as it likes: a mark shows where it ends.
  std::string written() {
    constexpr char mark = '#';
    EXPECT_EQ(::write(terminal_.get(), &mark, 1), 1);
    std::string text;
    while (!text.ends_with(mark)) {
      std::array<char, 4096> piece{};
      const ssize_t count = ::read(master_.get(), piece.data(), piece.size());
      if (count <= 0) break;
      text.append(piece.data(), static_cast<std::size_t>(count));
    }
    if (!text.empty()) text.pop_back();
    return text;
  }
  unique_fd master_, terminal_;
};

TEST_F(progress_on_a_terminal, rewrites_its_line_and_takes_it_away) {
  {
    progress line(terminal_.get());
    line.show(example());
    line.show(example());
  }
  const std::string text = written();
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  EXPECT_TRUE(text.ends_with("\r\x1b[K"));
}

TEST_F(progress_on_a_terminal, alarms_in_red_unless_colour_is_refused) {
  progress(terminal_.get()).say("a row failed", true);
  EXPECT_THAT(written(), HasSubstr("\x1b[31ma row failed\x1b[0m"));
  ::setenv("NO_COLOR", "1", 1);
  progress(terminal_.get()).say("a row failed", true);
  EXPECT_THAT(written(), Not(HasSubstr("\x1b[31m")));
  ::unsetenv("NO_COLOR");
}

}  // namespace
}  // namespace waitwork::bench
