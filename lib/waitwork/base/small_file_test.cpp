// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/small_file.hpp>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace waitwork {
namespace {

class small_file : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "waitwork-small-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    place_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(place_); }

  std::filesystem::path write(const std::string& text) const {
    std::ofstream(place_ / "file", std::ios::binary) << text;
    return place_ / "file";
  }

  std::filesystem::path place_;
};

TEST_F(small_file, is_read_whole_up_to_the_length_that_is_believed) {
  for (const std::size_t bytes : {0u, 1u, 4095u, 4096u, 4097u, 10'000u}) {
    const std::string text(bytes, 'x');
    EXPECT_EQ(read_small_file(write(text), 10'000), text) << bytes;
  }
  EXPECT_FALSE(read_small_file(write(std::string(10'001, 'x')), 10'000));
}

TEST_F(small_file, of_the_kernel_has_no_size_beforehand) {
  EXPECT_NE(read_small_file("/proc/self/stat").value_or(""), "");
}

// None of these may be waited for, or read to the end.
TEST_F(small_file, that_is_no_file_is_not_there) {
  EXPECT_FALSE(read_small_file(place_ / "missing"));
  EXPECT_FALSE(read_small_file(place_));
  EXPECT_FALSE(read_small_file("/dev/zero"));
  const std::filesystem::path pipe = place_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_FALSE(read_small_file(pipe));
  const std::filesystem::path ring = place_ / "ring";
  std::filesystem::create_symlink(ring, ring);
  EXPECT_FALSE(read_small_file(ring));
  EXPECT_FALSE(read_small_file(place_ / std::string(5000, 'n')));
}

TEST_F(small_file, that_goes_on_and_on_is_not_there) {
  const std::filesystem::path long_one = write("");
  std::filesystem::resize_file(long_one, std::uintmax_t{1} << 40);  // a hole
  EXPECT_FALSE(read_small_file(long_one));
}

TEST(decimal_number, is_all_of_the_text) {
  EXPECT_EQ(decimal_number("-42"), -42);
  EXPECT_EQ(decimal_number("9223372036854775807"), INT64_MAX);
  for (const char* text : {"", "-", "+1", " 1", "1 ", "1.5", "0x10", "nan", "9223372036854775808"}) {
    EXPECT_FALSE(decimal_number(text)) << text;
  }
}

TEST(take_until, takes_parts_until_nothing_is_left) {
  std::string_view text = "a,,b";
  EXPECT_EQ(take_until(text, ','), "a");
  EXPECT_EQ(take_until(text, ','), "");
  EXPECT_EQ(take_until(text, ','), "b");
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(take_until(text, ','), "");
}

}  // namespace
}  // namespace waitwork
