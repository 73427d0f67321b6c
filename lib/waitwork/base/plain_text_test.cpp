// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/plain_text.hpp>

#include <gtest/gtest.h>

#include <string>

#include <waitwork/base/random.hpp>

namespace waitwork {
namespace {

TEST(plain_text, leaves_ordinary_text_of_any_language_as_it_is) {
  for (const char* const text : {"", "io/timer/sequential", "größer als 5 % – 日本語 🙂", "a # b"}) {
    EXPECT_EQ(plain_text(text), text);
  }
}

TEST(plain_text, lets_no_escape_sequence_through) {
  EXPECT_EQ(plain_text("\x1b[2J\x1b[31mALL PASSED"), "\uFFFD[2J\uFFFD[31mALL PASSED");
  EXPECT_EQ(plain_text("\xC2\x9B"
                       "31m"),
            "\uFFFD31m");  // CSI as one C1 character
  EXPECT_EQ(plain_text("\x7f"), "\uFFFD");
}

TEST(plain_text, is_one_line) {
  EXPECT_EQ(plain_text("x\n::error file=a::malicious\r\ny"), "x ::error file=a::malicious y");
  EXPECT_EQ(plain_text("a\u2028b\u2029"
                       "c"),
            "a\uFFFD"
            "b\uFFFD"
            "c");
}

TEST(plain_text, turns_no_direction) {
  EXPECT_EQ(plain_text("a\u202E"
                       "b\u2066"
                       "c"),
            "a\uFFFD"
            "b\uFFFD"
            "c");
}

TEST(plain_text, speaks_to_no_ci_system_in_the_middle_of_a_line) {
  EXPECT_EQ(plain_text("x ##[error]y ##vso[task] ###"), "x # #[error]y # #vso[task] # # #");
}

TEST(plain_text, replaces_bytes_that_are_not_utf8_one_by_one) {
  EXPECT_EQ(plain_text("a\xff\xfe"
                       "b"),
            "a\uFFFD\uFFFD"
            "b");
  EXPECT_EQ(plain_text("\xC0\x80"), "\uFFFD\uFFFD");            // overlong NUL
  EXPECT_EQ(plain_text("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // surrogate
  EXPECT_EQ(plain_text("\xE2\x82"), "\uFFFD\uFFFD");            // cut off
}

TEST(plain_text, of_random_bytes_has_no_control_character_and_stays_what_it_is) {
  splitmix64 random(20261128);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (std::uint64_t left = random.below(24); left > 0; --left) bytes += static_cast<char>(random.below(256));
    const std::string plain = plain_text(bytes);
    for (const char character : plain) {
      EXPECT_TRUE(static_cast<unsigned char>(character) >= 0x20 && character != 0x7f);
    }
    EXPECT_EQ(plain_text(plain), plain);
  }
}

TEST(plain_lines, keeps_lines_and_lets_none_begin_a_command) {
  EXPECT_EQ(plain_lines("a\n  ::error::x\n##[group]y\nb\n"), "a\n  : :error::x\n# #[group]y\nb\n");
  EXPECT_EQ(plain_lines("::set-output"), ": :set-output");
  EXPECT_EQ(plain_lines(""), "");
}

}  // namespace
}  // namespace waitwork
