// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include <cstdint>
#include <set>

#include <workloads/io/block_file.hpp>
#include <workloads/io/work_file.hpp>
#include <workloads/io/workload_under_test.hpp>

namespace waitwork::bench {
namespace {

constexpr std::uint64_t smoke_blocks = (8u << 20) / block_bytes;

class file_read_workload : public testing::TestWithParam<const char*> {
 protected:
  // Null where the machine lacks what the variant needs.
  std::unique_ptr<workload> make(unsigned lanes) {
    try {
      return make_workload("io/file_read", smoke_settings(directory_.path(), GetParam(), lanes));
    } catch (const unsupported_error& missing) {
      missing_ = missing.what();
      return nullptr;
    }
  }
  std::filesystem::path path() const { return work_file(directory_.path(), "file_read-" + std::string(GetParam())); }
  scratch_directory directory_;
  std::string missing_;
};

TEST_P(file_read_workload, reads_what_the_file_holds_when_blocking) {
  const auto reader = make(1);
  if (!reader) GTEST_SKIP() << missing_;
  EXPECT_EQ(wrong_when_blocking(*reader, 500), 0u);
}

TEST_P(file_read_workload, reads_what_the_file_holds_on_threads) {
  const auto reader = make(8);
  if (!reader) GTEST_SKIP() << missing_;
  EXPECT_EQ(wrong_on_threads(*reader, 500, 8), 0u);
}

TEST_P(file_read_workload, reads_what_the_file_holds_on_a_loop) {
  const auto reader = make(64);
  if (!reader) GTEST_SKIP() << missing_;
  WAITWORK_SKIP_IF_UNSUPPORTED(EXPECT_EQ(wrong_on_loop(*reader, 2000, 64), 0u));
}

TEST_P(file_read_workload, begins_with_the_page_cache_its_variant_promises) {
  const auto reader = make(1);
  if (!reader) GTEST_SKIP() << missing_;
  const unique_fd fd = open_file_or_throw(path(), O_RDONLY);
  EXPECT_EQ(cached_share(fd.get(), path()), GetParam() == std::string("cached") ? 1.0 : 0.0);
}

TEST_P(file_read_workload, reads_all_over_the_file) {
  const auto reader = make(1);
  if (!reader) GTEST_SKIP() << missing_;
  std::set<answer> distinct;
  for (std::uint64_t index = 0; index < smoke_blocks; ++index) distinct.insert(reader->expected(index));
  // Random draws with replacement reach 1 - 1/e of the blocks.
  EXPECT_GT(distinct.size(), smoke_blocks * 60 / 100);
}

TEST_P(file_read_workload, sees_one_flipped_bit) {
  auto reader = make(1);
  if (!reader) GTEST_SKIP() << missing_;
  const unique_fd fd = open_file_or_throw(path(), O_RDWR);
  std::byte byte{};
  read_all(fd.get(), path(), {&byte, 1}, 4711);  // in block 1
  byte ^= std::byte{1};
  write_all(fd.get(), path(), {&byte, 1}, 4711);
  sync_file(fd.get(), path());
  const answer of_block_1 = block_pattern(42).expected_sum(1);
  std::uint64_t reads_of_block_1 = 0;
  for (std::uint64_t index = 0; index < 20 * smoke_blocks && reads_of_block_1 == 0; ++index) {
    if (reader->expected(index) != of_block_1) continue;
    ++reads_of_block_1;
    EXPECT_NE(reader->run({index, 0}), reader->expected(index));
  }
  EXPECT_EQ(reads_of_block_1, 1u);
}

TEST_P(file_read_workload, calls_a_short_read_by_its_name) {
  const auto reader = make(1);
  if (!reader) GTEST_SKIP() << missing_;
  std::filesystem::resize_file(path(), 0);
  try {
    reader->run({0, 0});
    FAIL() << "the file is empty";
  } catch (const environment_error& error) {
    EXPECT_NE(error.cause().find("short read: 0 of 4096 bytes"), std::string::npos) << error.what();
    EXPECT_NE(error.subject().find(path().string()), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(variants, file_read_workload, testing::Values("direct", "cached"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace waitwork::bench
