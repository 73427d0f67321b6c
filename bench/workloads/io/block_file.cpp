// SPDX-License-Identifier: Apache-2.0
#include <workloads/io/block_file.hpp>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/bench/work_files.hpp>

#include <workloads/io/work_file.hpp>

namespace waitwork::bench {
namespace {

// One write request while the file is made: 1 MiB.
constexpr std::uint64_t blocks_per_write = 256;

// Blocks looked at before a file is used again, spread from the first to the last. A wrong file is
// wrong in all of them; a damaged block that the sample misses is still a wrong answer when it is
// read.
constexpr std::uint64_t sampled_blocks = 16;

block_span nth_block(aligned_buffer<std::uint64_t>& blocks, std::uint64_t n) {
  return block_span(blocks.data() + n * block_words, block_words);
}

bool holds_pattern(const std::filesystem::path& path, std::uint64_t blocks, const block_pattern& pattern) {
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) return false;
  if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != blocks * block_bytes) {
    return false;
  }
  aligned_buffer<std::uint64_t> contents(block_words);
  // Reading these blocks leaves a trace in the page cache, which the direct variant drops
  // afterwards.
  for (std::uint64_t sample = 0; sample < sampled_blocks; ++sample) {
    const std::uint64_t block = sample * (blocks - 1) / (sampled_blocks - 1);
    read_all(fd.get(), path, std::as_writable_bytes(contents.span()), block * block_bytes);
    if (sum_of_words(nth_block(contents, 0)) != pattern.expected_sum(block)) return false;
  }
  return true;
}

void write_blocks(int fd, const std::filesystem::path& path, std::uint64_t blocks, const block_pattern& pattern) {
  aligned_buffer<std::uint64_t> chunk(blocks_per_write * block_words, direct_io_alignment_bytes);
  for (std::uint64_t first = 0; first < blocks; first += blocks_per_write) {
    const std::uint64_t count = std::min(blocks_per_write, blocks - first);
    for (std::uint64_t n = 0; n < count; ++n) pattern.fill(first + n, nth_block(chunk, n));
    write_all(fd, path, std::as_bytes(chunk.span()).first(count * block_bytes), first * block_bytes);
  }
}

// Removes the temporary file unless it got its final name.
class temporary_file {
 public:
  explicit temporary_file(std::filesystem::path path) : path_(std::move(path)) {}
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  const std::filesystem::path& path() const noexcept { return path_; }
  void rename_to(const std::filesystem::path& final_path) {
    if (::rename(path_.c_str(), final_path.c_str()) != 0) throw_file_error("rename to", final_path, errno);
    path_.clear();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace

std::uint64_t sum_of_words(block_view block) noexcept {
  std::uint64_t sum = 0;
  for (const std::uint64_t word : block) sum += word;
  return sum;
}

block_pattern::block_pattern(std::uint64_t seed) noexcept : word_stream_(mix64(seed)), sum_stream_(mix64(~seed)) {}

std::uint64_t block_pattern::expected_sum(std::uint64_t block) const noexcept { return mix64(sum_stream_ + block); }

void block_pattern::fill(std::uint64_t block, block_span contents) const noexcept {
  const std::uint64_t first_word = word_stream_ + block * block_words;
  std::uint64_t sum = 0;
  for (std::size_t word = 0; word + 1 < block_words; ++word) {
    contents[word] = mix64(first_word + word);
    sum += contents[word];
  }
  contents[block_words - 1] = expected_sum(block) - sum;
}

void ensure_block_file(const std::filesystem::path& path, std::uint64_t blocks, const block_pattern& pattern) {
  if (holds_pattern(path, blocks, pattern)) return;
  temporary_file temporary(unfinished_work_file(path));
  const unique_fd fd = open_file_or_throw(temporary.path(), O_WRONLY | O_CREAT | O_TRUNC);
  reserve_space(fd.get(), path, blocks * block_bytes);
  write_blocks(fd.get(), path, blocks, pattern);
  sync_file(fd.get(), path);
  temporary.rename_to(path);
}

}  // namespace waitwork::bench
