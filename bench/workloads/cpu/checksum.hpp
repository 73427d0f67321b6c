#pragma once
// column_checksum: all of a table of 32-bit words in one number, cheap enough to be part of every
// unit.
//
// Per column it keeps two sums modulo 2^32, of the words and of the words weighted by their
// distance from the bottom (Fletcher's checksum, down the columns), and then hashes the sums in
// order. Any one wrong word shows, as do two in one column that cancel out, and rows or columns
// that changed places. Going down the columns costs two additions a word with no multiplication and
// no chain across a row, so that any vector unit does it at the rate at which the table comes from
// the cache; and because both sums are linear, the checksum of a matrix product is had from its
// factors without multiplying them.

#include <harness/workload.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <waitwork/base/check.hpp>
#include <waitwork/base/random.hpp>

namespace waitwork::bench {

class column_checksum {
 public:
  // The checksum of a table of `rows` rows (a multiple of 8), where word(row, column) gives a word.
  // Allocates only for more columns than ever before.
  template <class Word>
  answer of(std::size_t rows, std::size_t columns, const Word& word) {
    WAITWORK_CHECK(rows % rows_at_once == 0, "a table has a multiple of 8 rows");
    plain_.assign(columns, 0);
    weighted_.assign(columns, 0);
    std::uint32_t* plain = plain_.data();
    std::uint32_t* weighted = weighted_.data();
    for (std::size_t row = 0; row < rows; row += rows_at_once) {
      for (std::size_t column = 0; column < columns; ++column) {
        std::uint32_t sum = plain[column];
        std::uint32_t weighted_sum = weighted[column];
#pragma GCC unroll 8
        for (std::size_t i = 0; i < rows_at_once; ++i) {
          sum += word(row + i, column);
          weighted_sum += sum;
        }
        plain[column] = sum;
        weighted[column] = weighted_sum;
      }
    }
    return of_sums(plain_, weighted_);
  }

  // The same from the two sums of each column: the first row counts `rows` times in `weighted`, the
  // last one once.
  static answer of_sums(std::span<const std::uint32_t> plain,
                        std::span<const std::uint32_t> weighted) noexcept {
    answer value = 0;
    for (std::size_t column = 0; column < plain.size(); ++column) {
      value = mix64(value ^ (plain[column] | (std::uint64_t{weighted[column]} << 32)));
    }
    return value;
  }

 private:
  // The sums of a column are loaded and stored once for so many rows.
  static constexpr std::size_t rows_at_once = 8;

  std::vector<std::uint32_t> plain_;
  std::vector<std::uint32_t> weighted_;
};

}  // namespace waitwork::bench
