// SPDX-License-Identifier: Apache-2.0
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
// factors without multiplying them, and that of a table from bands of its rows, in any order.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <waitwork/base/check.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/bench/workload.hpp>

namespace waitwork::bench {

class column_checksum {
 public:
  // Begins a table of so many rows and columns. Allocates only for more columns than ever before.
  void begin(std::size_t rows, std::size_t columns) {
    rows_ = rows;
    plain_.assign(columns, 0);
    weighted_.assign(columns, 0);
  }

  // Adds the rows [first, end), where word(row, column) gives a word. Rows may come in any order, each once.
  template <class Word>
  void add(std::size_t first, std::size_t end, const Word& word) {
    std::size_t row = first;
    for (; row + rows_at_once <= end; row += rows_at_once) add_rows<rows_at_once>(row, word);
    for (; row < end; ++row) add_rows<1>(row, word);
  }

  // Adds the rows that `other` was given of the same table.
  void add(const column_checksum& other) {
    WAITWORK_CHECK(other.rows_ == rows_ && other.plain_.size() == plain_.size(), "both are of one table");
    for (std::size_t column = 0; column < plain_.size(); ++column) {
      plain_[column] += other.plain_[column];
      weighted_[column] += other.weighted_[column];
    }
  }

  answer value() const noexcept { return of_sums(plain_, weighted_); }

  // All of it at once.
  template <class Word>
  answer of(std::size_t rows, std::size_t columns, const Word& word) {
    begin(rows, columns);
    add(0, rows, word);
    return value();
  }

  // The same from the two sums of each column: the first row counts `rows` times in `weighted`, the
  // last one once.
  static answer of_sums(std::span<const std::uint32_t> plain, std::span<const std::uint32_t> weighted) noexcept {
    answer value = 0;
    for (std::size_t column = 0; column < plain.size(); ++column) {
      value = mix64(value ^ (plain[column] | (std::uint64_t{weighted[column]} << 32)));
    }
    return value;
  }

 private:
  // The sums of a column are loaded and stored once for so many rows.
  static constexpr std::size_t rows_at_once = 8;

  template <std::size_t Rows, class Word>
  void add_rows(std::size_t row, const Word& word) {
    std::uint32_t* plain = plain_.data();
    std::uint32_t* weighted = weighted_.data();
    const std::size_t columns = plain_.size();
    const auto below = static_cast<std::uint32_t>(rows_ - row - Rows);
    for (std::size_t column = 0; column < columns; ++column) {
      std::uint32_t sum = 0;
      std::uint32_t weighted_sum = 0;
#pragma GCC unroll 8
      for (std::size_t i = 0; i < Rows; ++i) {
        sum += word(row + i, column);
        weighted_sum += sum;
      }
      plain[column] += sum;
      weighted[column] += weighted_sum + sum * below;
    }
  }

  std::size_t rows_ = 0;
  std::vector<std::uint32_t> plain_;
  std::vector<std::uint32_t> weighted_;
};

}  // namespace waitwork::bench
