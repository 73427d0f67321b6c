// SPDX-License-Identifier: Apache-2.0
#include <workloads/cpu/checksum.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <waitwork/base/random.hpp>

namespace waitwork::bench {
namespace {

constexpr std::size_t rows = 16;
constexpr std::size_t columns = 21;

struct table {
  table() {
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<std::uint32_t>(mix64(i));
  }
  // Not inlined: g++ 12 warns of columns that only an endless table would have.
  [[gnu::noinline]] std::uint32_t& at(std::size_t row, std::size_t column) { return words[row * columns + column]; }
  answer checksum() {
    column_checksum sums;
    return sums.of(rows, columns, [this](std::size_t row, std::size_t column) { return at(row, column); });
  }
  std::vector<std::uint32_t> words = std::vector<std::uint32_t>(rows * columns);
};

TEST(column_checksum, is_that_of_the_plain_and_the_weighted_sums) {
  table original;
  std::vector<std::uint32_t> plain(columns);
  std::vector<std::uint32_t> weighted(columns);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      plain[column] += original.at(row, column);
      weighted[column] += static_cast<std::uint32_t>(rows - row) * original.at(row, column);
    }
  }
  EXPECT_EQ(original.checksum(), column_checksum::of_sums(plain, weighted));
}

TEST(column_checksum, is_the_same_from_bands_in_any_order) {
  table original;
  const auto word = [&](std::size_t row, std::size_t column) { return original.at(row, column); };
  for (std::size_t cut = 0; cut <= rows; ++cut) {
    column_checksum below, above;
    below.begin(rows, columns);
    above.begin(rows, columns);
    below.add(cut, rows, word);
    above.add(cut / 2, cut, word);
    above.add(0, cut / 2, word);
    above.add(below);
    EXPECT_EQ(above.value(), original.checksum()) << cut;
  }
}

TEST(column_checksum, shows_any_single_bit) {
  const answer right = table().checksum();
  for (std::size_t i = 0; i < rows * columns; ++i) {
    for (unsigned bit = 0; bit < 32; ++bit) {
      table changed;
      changed.words[i] ^= 1u << bit;
      ASSERT_NE(changed.checksum(), right) << "word " << i << ", bit " << bit;
    }
  }
}

TEST(column_checksum, shows_errors_that_cancel_out_and_words_that_changed_places) {
  table original;
  const answer right = original.checksum();
  table cancelled;
  ++cancelled.at(3, 5);
  --cancelled.at(9, 5);
  EXPECT_NE(cancelled.checksum(), right);
  table rows_swapped;
  for (std::size_t column = 0; column < columns; ++column) {
    std::swap(rows_swapped.at(2, column), rows_swapped.at(10, column));
  }
  EXPECT_NE(rows_swapped.checksum(), right);
  table columns_swapped;
  for (std::size_t row = 0; row < rows; ++row) {
    std::swap(columns_swapped.at(row, 0), columns_swapped.at(row, 16));
  }
  EXPECT_NE(columns_swapped.checksum(), right);
}

TEST(column_checksum, forgets_the_table_before) {
  table first;
  table second;
  second.at(0, 0) = 7;
  column_checksum sums;
  const auto of = [&sums](table& each) {
    return sums.of(rows, columns, [&each](std::size_t row, std::size_t column) { return each.at(row, column); });
  };
  const answer before = of(first);
  EXPECT_NE(of(second), before);
  EXPECT_EQ(of(first), before);
}

}  // namespace
}  // namespace waitwork::bench
