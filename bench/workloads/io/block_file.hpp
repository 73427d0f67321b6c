// SPDX-License-Identifier: Apache-2.0
#pragma once
// block_file: a file of 4 KiB blocks in which every byte of every block can be checked at the speed
// of memory.
//
// A block holds 512 words of 64 bits. All but the last are pseudo-random, so that nothing on the
// way can compress or deduplicate them; the last makes the wrapping sum of the block a value that
// depends on seed and block number only. Summing 4 KiB takes about 100 ns and vectorises
// everywhere, against about 1 us to generate the block again; it sees a flipped bit, a torn block
// and the right block of the wrong place, but not two words exchanged.
//
// The file is made once for all the processes of a run: written under a temporary name, synced,
// renamed, so that under its final name it is always complete.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace waitwork::bench {

// The page size of the page cache and the logical block of most file systems.
inline constexpr std::size_t block_bytes = 4096;
inline constexpr std::size_t block_words = block_bytes / sizeof(std::uint64_t);

using block_view = std::span<const std::uint64_t, block_words>;
using block_span = std::span<std::uint64_t, block_words>;

// The wrapping sum of a block's words.
std::uint64_t sum_of_words(block_view block) noexcept;

// What the blocks of a file hold, as a function of the seed.
class block_pattern {
 public:
  explicit block_pattern(std::uint64_t seed) noexcept;

  // What sum_of_words() gives for block number `block`.
  std::uint64_t expected_sum(std::uint64_t block) const noexcept;

  // Writes the contents of block number `block`.
  void fill(std::uint64_t block, block_span contents) const noexcept;

 private:
  std::uint64_t word_stream_;
  std::uint64_t sum_stream_;
};

// Makes sure that `path` is a file of `blocks` blocks of `pattern`. One that is there is used again
// if its size and a sample of its blocks are right, and replaced otherwise. Throws
// environment_error, leaving no temporary file behind.
void ensure_block_file(const std::filesystem::path& path, std::uint64_t blocks, const block_pattern& pattern);

}  // namespace waitwork::bench
