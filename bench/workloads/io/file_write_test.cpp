// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include <cstdint>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/unique_fd.hpp>

#include <workloads/io/block_file.hpp>
#include <workloads/io/work_file.hpp>
#include <workloads/io/workload_under_test.hpp>

namespace waitwork::bench {
namespace {

class file_write_workload : public testing::Test {
 protected:
  // Null where the machine lacks direct I/O.
  std::unique_ptr<workload> make(unsigned lanes) {
    try {
      return make_workload("io/file_write", smoke_settings(directory_.path(), "", lanes));
    } catch (const unsupported_error& missing) {
      missing_ = missing.what();
      return nullptr;
    }
  }
  std::filesystem::path path() const { return work_file(directory_.path(), "file_write"); }

  // Past the page cache, as the workload itself reads and writes.
  void flip_bit(std::uint64_t block) {
    const unique_fd fd = open_direct(path(), O_RDWR);
    aligned_buffer<std::uint64_t> contents(block_words, direct_io_alignment_bytes);
    read_all(fd.get(), path(), std::as_writable_bytes(contents.span()), block * block_bytes);
    contents[100] ^= 1;
    write_all(fd.get(), path(), std::as_bytes(contents.span()), block * block_bytes);
  }
  std::uint64_t blocks() const { return std::filesystem::file_size(path()) / block_bytes; }

  scratch_directory directory_;
  std::string missing_;
};

TEST_F(file_write_workload, finds_every_block_as_written_when_blocking) {
  const auto writer = make(1);
  if (!writer) GTEST_SKIP() << missing_;
  EXPECT_EQ(wrong_when_blocking(*writer, 50), 0u);
  EXPECT_NO_THROW(writer->verify());
}

TEST_F(file_write_workload, finds_every_block_as_written_on_threads) {
  const auto writer = make(8);
  if (!writer) GTEST_SKIP() << missing_;
  EXPECT_EQ(wrong_on_threads(*writer, 200, 8), 0u);
  EXPECT_NO_THROW(writer->verify());
}

TEST_F(file_write_workload, finds_every_block_as_written_on_a_loop) {
  const auto writer = make(64);
  if (!writer) GTEST_SKIP() << missing_;
  WAITWORK_SKIP_IF_UNSUPPORTED(EXPECT_EQ(wrong_on_loop(*writer, 500, 64), 0u));
  EXPECT_NO_THROW(writer->verify());
}

TEST_F(file_write_workload, serves_one_row_after_the_other_with_the_same_file) {
  for (const unsigned lanes : {1u, 3u, 16u}) {
    const auto writer = make(lanes);
    if (!writer) GTEST_SKIP() << missing_;
    EXPECT_EQ(wrong_on_threads(*writer, 40, lanes), 0u);
    EXPECT_NO_THROW(writer->verify());
  }
}

TEST_F(file_write_workload, has_a_block_for_every_lane_however_many) {
  const auto writer = make(2000);
  if (!writer) GTEST_SKIP() << missing_;
  EXPECT_GE(blocks(), 2000u);
  EXPECT_EQ(writer->run({5, 1999}), writer->expected(5));
  EXPECT_NO_THROW(writer->verify());
}

TEST_F(file_write_workload, sees_one_flipped_bit_in_any_block) {
  const auto writer = make(1);
  if (!writer) GTEST_SKIP() << missing_;
  EXPECT_EQ(wrong_when_blocking(*writer, 20), 0u);
  for (const std::uint64_t block : {std::uint64_t{0}, blocks() / 2, blocks() - 1}) {
    flip_bit(block);
    EXPECT_THROW(writer->verify(), wrong_answer);
    flip_bit(block);
    EXPECT_NO_THROW(writer->verify());
  }
}

TEST_F(file_write_workload, sees_a_write_that_was_lost) {
  const auto writer = make(1);
  if (!writer) GTEST_SKIP() << missing_;
  const std::filesystem::path before = directory_.path() / "before";
  std::filesystem::copy_file(path(), before);
  EXPECT_EQ(wrong_when_blocking(*writer, 3), 0u);
  const unique_fd old = open_file_or_throw(before, O_RDONLY);
  const unique_fd fd = open_direct(path(), O_RDWR);
  aligned_buffer<std::byte> contents(std::filesystem::file_size(before), direct_io_alignment_bytes);
  read_all(old.get(), before, contents.span(), 0);
  write_all(fd.get(), path(), contents.span(), 0);
  try {
    writer->verify();
    FAIL() << "three writes were undone";
  } catch (const wrong_answer& error) {
    EXPECT_NE(std::string(error.what()).find("what unit"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace waitwork::bench
