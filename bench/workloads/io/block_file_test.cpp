// SPDX-License-Identifier: Apache-2.0
#include <workloads/io/block_file.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <waitwork/base/environment_error.hpp>

#include <workloads/io/work_file.hpp>
#include <workloads/io/workload_under_test.hpp>

namespace waitwork::bench {
namespace {

constexpr std::uint64_t blocks = 300;  // not a multiple of the number written at once

std::string contents_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t files_in(const std::filesystem::path& directory) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

void flip_bit(const std::filesystem::path& path, std::uint64_t offset_bytes) {
  const unique_fd fd = open_file_or_throw(path, O_RDWR);
  std::byte byte{};
  read_all(fd.get(), path, {&byte, 1}, offset_bytes);
  byte ^= std::byte{0x10};
  write_all(fd.get(), path, {&byte, 1}, offset_bytes);
}

TEST(block_pattern, gives_every_block_the_sum_that_it_promises) {
  const block_pattern pattern(7);
  std::vector<std::uint64_t> contents(block_words);
  const block_span block(contents.data(), block_words);
  for (std::uint64_t number = 0; number < 1000; ++number) {
    pattern.fill(number, block);
    ASSERT_EQ(sum_of_words(block), pattern.expected_sum(number)) << "block " << number;
  }
}

TEST(block_pattern, shows_every_flipped_bit_in_the_sum) {
  const block_pattern pattern(7);
  std::vector<std::uint64_t> contents(block_words);
  const block_span block(contents.data(), block_words);
  pattern.fill(3, block);
  for (std::size_t bit = 0; bit < block_bytes * 8; ++bit) {
    contents[bit / 64] ^= std::uint64_t{1} << (bit % 64);
    ASSERT_NE(sum_of_words(block), pattern.expected_sum(3)) << "bit " << bit;
    contents[bit / 64] ^= std::uint64_t{1} << (bit % 64);
  }
}

TEST(block_pattern, differs_by_block_and_by_seed) {
  EXPECT_NE(block_pattern(1).expected_sum(0), block_pattern(1).expected_sum(1));
  EXPECT_NE(block_pattern(1).expected_sum(0), block_pattern(2).expected_sum(0));
}

TEST(block_file, is_whole_under_its_final_name_and_alone) {
  const scratch_directory directory;
  const std::filesystem::path path = directory.path() / "file";
  const block_pattern pattern(7);
  ensure_block_file(path, blocks, pattern);
  EXPECT_EQ(files_in(directory.path()), 1u);
  const std::string contents = contents_of(path);
  ASSERT_EQ(contents.size(), blocks * block_bytes);
  std::vector<std::uint64_t> block(block_words);
  for (std::uint64_t number = 0; number < blocks; ++number) {
    std::memcpy(block.data(), contents.data() + number * block_bytes, block_bytes);
    ASSERT_EQ(sum_of_words(block_view(block.data(), block_words)), pattern.expected_sum(number));
  }
}

TEST(block_file, is_used_again_if_it_is_right) {
  const scratch_directory directory;
  const std::filesystem::path path = directory.path() / "file";
  ensure_block_file(path, blocks, block_pattern(7));
  // Not among the sampled blocks: it stays only if the file is not written again.
  flip_bit(path, 5 * block_bytes);
  const std::string before = contents_of(path);
  ensure_block_file(path, blocks, block_pattern(7));
  EXPECT_TRUE(contents_of(path) == before);
}

TEST(block_file, is_replaced_if_its_size_seed_or_contents_are_wrong) {
  const scratch_directory directory;
  const std::filesystem::path path = directory.path() / "file";
  const block_pattern pattern(7);
  ensure_block_file(path, blocks, pattern);
  const std::string right = contents_of(path);

  std::filesystem::resize_file(path, right.size() / 2);
  ensure_block_file(path, blocks, pattern);
  EXPECT_TRUE(contents_of(path) == right) << "after it was cut short";

  ensure_block_file(path, blocks, block_pattern(8));
  EXPECT_FALSE(contents_of(path) == right) << "for another seed";
  ensure_block_file(path, blocks, pattern);
  EXPECT_TRUE(contents_of(path) == right) << "for the first seed again";

  flip_bit(path, 100);
  ensure_block_file(path, blocks, pattern);
  EXPECT_TRUE(contents_of(path) == right) << "after a bit of the first block was flipped";
}

TEST(block_file, names_path_cause_and_remedy_when_it_cannot_be_made) {
  const std::filesystem::path path = "/nonexistent-directory/file";
  try {
    ensure_block_file(path, blocks, block_pattern(7));
    FAIL() << "the directory does not exist";
  } catch (const environment_error& error) {
    EXPECT_EQ(error.operation(), "open");
    EXPECT_NE(error.subject().find(path.string()), std::string::npos);
    EXPECT_NE(error.remedy().find("--work-dir"), std::string::npos);
  }
}

// A file system of half the size that is needed, in a mount namespace of the child that sees it.
int exit_code_on_full_file_system(const std::filesystem::path& directory) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=600k") != 0) {
    return 77;
  }
  try {
    ensure_block_file(directory / "file", blocks, block_pattern(7));
  } catch (const environment_error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return files_in(directory) == 0 ? 0 : 1;
  }
  return 2;
}

TEST(block_file, reports_a_full_device_and_leaves_nothing_behind) {
  const scratch_directory directory;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(exit_code_on_full_file_system(directory.path()));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "mounting a small file system is not permitted here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(work_file, knows_what_the_page_cache_holds) {
  const scratch_directory directory;
  const std::filesystem::path path = directory.path() / "file";
  ensure_block_file(path, blocks, block_pattern(7));
  const unique_fd fd = open_file_or_throw(path, O_RDONLY);
  load_into_cache(fd.get(), path);
  EXPECT_EQ(cached_share(fd.get(), path), 1.0);
  WAITWORK_SKIP_IF_UNSUPPORTED(static_cast<void>(open_direct(path, O_RDONLY)));  // memory is all there is
  drop_from_cache(fd.get(), path);
  EXPECT_EQ(cached_share(fd.get(), path), 0.0);
}

TEST(work_file, refuses_direct_io_where_no_device_is) {
  const std::filesystem::path path = "/dev/shm/waitwork_work_file_test." + std::to_string(::getpid());
  try {
    ensure_block_file(path, blocks, block_pattern(7));
  } catch (const environment_error& missing) {
    GTEST_SKIP() << missing.what();
  }
  EXPECT_THROW(open_direct(path, O_RDONLY), unsupported_error);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace waitwork::bench
