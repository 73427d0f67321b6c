// SPDX-License-Identifier: Apache-2.0
#include <waitwork/kernels/matmul.hpp>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/kernels/instruction_sets.hpp>
#include <waitwork/kernels/numbers_for_test.hpp>

namespace waitwork::kernels {
namespace {

using matmul_kernel = on_each_instruction_set;
WAITWORK_ON_EACH_INSTRUCTION_SET(matmul_kernel);

// How a case lies in memory: padding after each row, and elements before the first one.
struct placement {
  std::size_t padding = 0;
  std::size_t offset = 0;
};

matmul_shape padded_shape(std::size_t m, std::size_t n, std::size_t k, std::size_t padding) {
  matmul_shape shape(m, n, k);
  shape.a_stride += padding;
  shape.b_stride += padding;
  shape.c_stride += padding;
  return shape;
}

// Multiplies by the kernel and by three plain loops, and compares every element of C's storage, so
// also what lies between its rows.
template <class T>
void expect_product_of(std::size_t m, std::size_t n, std::size_t k, placement where) {
  const matmul_shape shape = padded_shape(m, n, k, where.padding);
  const auto a = integers<T>(m * shape.a_stride + where.offset, 1);
  const auto b_values = integers<T>(k * shape.b_stride + where.offset, 2);
  // Aligned, because a B of some size is read where it is only then.
  aligned_buffer<T> b_buffer(b_values.size());
  std::ranges::copy(b_values, b_buffer.data());
  const std::span<const T> b = b_buffer.span();
  const std::size_t c_size = m * shape.c_stride;
  std::vector<T> c(c_size + where.offset, T{untouched});
  std::vector<T> scratch(matmul_scratch<T>(shape) + where.offset, std::numeric_limits<T>::quiet_NaN());
  matmul(shape, std::span(a).subspan(where.offset), b.subspan(where.offset), std::span(c).subspan(where.offset),
         std::span(scratch).subspan(where.offset));

  std::vector<T> expected(c_size + where.offset, T{untouched});
  for (std::size_t row = 0; row < m; ++row) {
    for (std::size_t column = 0; column < n; ++column) {
      T sum = 0;
      for (std::size_t p = 0; p < k; ++p) {
        sum += a[where.offset + row * shape.a_stride + p] * b[where.offset + p * shape.b_stride + column];
      }
      expected[where.offset + row * shape.c_stride + column] = sum;
    }
  }
  EXPECT_TRUE(c == expected) << sizeof(T) << " bytes, m " << m << " n " << n << " k " << k << " padding "
                             << where.padding << " offset " << where.offset;
}

void expect_product(std::size_t m, std::size_t n, std::size_t k, placement where = {}) {
  expect_product_of<float>(m, n, k, where);
  expect_product_of<double>(m, n, k, where);
}

TEST_P(matmul_kernel, multiplies_all_small_sizes) {
  for (std::size_t m = 0; m <= 9; ++m) {
    for (std::size_t n = 0; n <= 18; ++n) {
      for (const std::size_t k : {0u, 1u, 2u, 3u, 7u, 8u}) expect_product(m, n, k);
    }
  }
}

TEST_P(matmul_kernel, multiplies_sizes_around_the_edges_of_tiles) {
  for (const std::size_t m : {5u, 6u, 7u, 8u, 9u, 16u, 17u}) {
    for (const std::size_t n : {15u, 16u, 17u, 31u, 32u, 33u, 47u, 48u, 49u, 63u, 64u, 65u, 95u, 96u, 97u}) {
      expect_product(m, n, 5);
    }
  }
}

TEST_P(matmul_kernel, multiplies_one_row_one_column_and_one_inner_element) {
  expect_product(1, 101, 67);
  expect_product(101, 1, 67);
  expect_product(101, 67, 1);
  expect_product(1, 1, 1001);
  expect_product(1, 1, 1);
}

TEST_P(matmul_kernel, multiplies_few_rows_and_few_columns_across_the_edges_of_blocks) {
  for (const std::size_t few : {1u, 2u, 4u, 5u}) {
    for (const std::size_t inner : {15u, 65u, 1025u}) {
      expect_product(few, 277, inner, {.padding = 3, .offset = 1});
      expect_product(11, few, inner, {.padding = 3, .offset = 1});
    }
  }
}

TEST_P(matmul_kernel, multiplies_across_the_edges_of_cache_blocks) {
  for (const std::size_t k : {511u, 512u, 513u, 1023u, 1024u, 1025u, 2049u}) expect_product(9, 17, k);
  for (const std::size_t n : {127u, 128u, 129u, 257u}) {
    expect_product(9, n, 3);
    expect_product(9, n, 90);
  }
  expect_product(13, 300, 1100);
}

TEST_P(matmul_kernel, multiplies_on_both_sides_of_what_is_too_small_to_pack) {
  for (const std::size_t m : {9u, 33u}) {
    for (const std::size_t n : {63u, 64u, 65u, 127u, 128u, 129u, 255u, 256u}) {
      for (const std::size_t k : {60u, 64u, 68u, 128u}) {
        expect_product(m, n, k, {.padding = 5});
        expect_product(m, n, k, {.padding = 16});
      }
    }
    for (const std::size_t k : {127u, 128u, 129u, 255u, 256u, 257u}) expect_product(m, 512, k);
  }
}

TEST_P(matmul_kernel, multiplies_more_rows_than_a_b_of_any_size_is_read_in_place_for) {
  for (const std::size_t n : {127u, 128u, 129u, 257u}) {
    for (const std::size_t k : {65u, 130u}) expect_product(133, n, k, {.padding = 3});
  }
}

// The page behind b cannot be read.
template <class T>
void expect_no_read_past(std::size_t m, std::size_t n, std::size_t k) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const pages = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  ASSERT_EQ(mprotect(static_cast<char*>(pages) + page, page, PROT_NONE), 0);
  const std::span<T> b(static_cast<T*>(pages) + page / sizeof(T) - k * n, k * n);
  std::ranges::fill(b, T{3});
  const matmul_shape shape(m, n, k);
  const std::vector<T> a(m * k, T{2});
  std::vector<T> c(m * n);
  std::vector<T> scratch(matmul_scratch<T>(shape));
  matmul(shape, std::span<const T>(a), std::span<const T>(b), std::span(c), std::span(scratch));
  EXPECT_EQ(c, std::vector<T>(m * n, static_cast<T>(6 * k))) << "m " << m << " n " << n;
  munmap(pages, 2 * page);
}

TEST_P(matmul_kernel, reads_nothing_past_the_end_of_b) {
  for (const std::size_t m : {1u, 2u, 7u}) {
    for (std::size_t n = 1; n <= 70; ++n) {
      expect_no_read_past<float>(m, n, 5);
      expect_no_read_past<double>(m, n, 5);
    }
  }
}

TEST_P(matmul_kernel, respects_strides_and_leaves_what_lies_between_rows) {
  for (const std::size_t padding : {1u, 3u, 16u}) {
    expect_product(8, 48, 20, {.padding = padding});
    expect_product(11, 35, 20, {.padding = padding});
  }
}

TEST_P(matmul_kernel, takes_operands_and_scratch_at_any_alignment) {
  for (std::size_t offset = 1; offset <= 17; ++offset) expect_product(17, 53, 21, {.offset = offset});
}

TEST_P(matmul_kernel, overwrites_c_with_zeros_when_the_inner_size_is_zero) {
  const matmul_shape shape(3, 4, 0);
  std::vector<float> c(12, untouched);
  std::vector<float> scratch(matmul_scratch<float>(shape));
  matmul(shape, std::span<const float>(), std::span<const float>(), c, scratch);
  EXPECT_EQ(c, std::vector<float>(12, 0.0f));
}

TEST_P(matmul_kernel, computes_bands_of_rows_and_of_columns_apart) {
  const std::size_t size = 61;
  const matmul_shape whole(size, size, size);
  const auto a = integers<float>(size * size, 3);
  const auto b = integers<float>(size * size, 4);
  std::vector<float> expected(size * size);
  std::vector<float> scratch(matmul_scratch<float>(whole));
  matmul(whole, a, b, expected, scratch);

  std::vector<float> c(size * size, untouched);
  const std::size_t cut = 23;
  for (const auto& [row, rows] : {std::pair(std::size_t{0}, cut), std::pair(cut, size - cut)}) {
    for (const auto& [column, columns] : {std::pair(std::size_t{0}, cut), std::pair(cut, size - cut)}) {
      matmul_shape band = whole;
      band.m = rows;
      band.n = columns;
      matmul(band, std::span(a).subspan(row * size), std::span(b).subspan(column),
             std::span(c).subspan(row * size + column), scratch);
    }
  }
  EXPECT_EQ(c, expected);
}

// Packs parts last to first, multiplies bands of rows, and compares with matmul(): whole numbers
// would hide another order of the additions.
template <class T>
void expect_packed_to_equal(std::size_t m, std::size_t n, std::size_t k, std::size_t band_rows) {
  const matmul_shape shape = padded_shape(m, n, k, 3);
  const auto a = fractions<T>(m * shape.a_stride, 9);
  const auto b = fractions<T>(k * shape.b_stride, 10);
  std::vector<T> expected(m * shape.c_stride, T{untouched});
  std::vector<T> scratch(matmul_scratch<T>(shape));
  matmul(shape, std::span<const T>(a), std::span<const T>(b), std::span(expected), std::span(scratch));

  const std::size_t elements = matmul_packed_elements<T>(shape);
  aligned_buffer<T> packed(elements + 1);
  std::ranges::fill(packed.span(), std::numeric_limits<T>::quiet_NaN());
  packed[elements] = T{untouched};
  for (std::size_t part = matmul_pack_parts<T>(shape); part-- > 0;)
    matmul_pack(shape, std::span<const T>(b), packed.span().first(elements), part);
  EXPECT_EQ(packed[elements], T{untouched});

  std::vector<T> c(m * shape.c_stride, T{untouched});
  for (std::size_t row = 0; row < m; row += band_rows) {
    matmul_shape band = shape;
    band.m = std::min(band_rows, m - row);
    matmul_packed(band, std::span<const T>(a).subspan(row * shape.a_stride), std::span<const T>(packed.span()),
                  std::span(c).subspan(row * shape.c_stride));
  }
  EXPECT_TRUE(c == expected) << sizeof(T) << " bytes, m " << m << " n " << n << " k " << k << ", packed, bands of "
                             << band_rows;

  std::ranges::fill(c, T{untouched});
  for (std::size_t row = 0; row < m; row += band_rows) {
    matmul_shape band = shape;
    band.m = std::min(band_rows, m - row);
    matmul(band, std::span<const T>(a).subspan(row * shape.a_stride), std::span<const T>(b),
           std::span(c).subspan(row * shape.c_stride), std::span(scratch));
  }
  EXPECT_TRUE(c == expected) << sizeof(T) << " bytes, m " << m << " n " << n << " k " << k << ", bands of "
                             << band_rows;
}

TEST_P(matmul_kernel, gives_the_same_bits_in_bands_of_any_height_and_from_a_packed_b) {
  for (const std::size_t band_rows : {1u, 5u, 6u, 64u}) {
    for (const auto& [m, n, k] : {std::array{1u, 1u, 1u},
                                  {7u, 1u, 2500u},
                                  {9u, 33u, 17u},
                                  {23u, 64u, 64u},
                                  {13u, 211u, 300u},
                                  {14u, 500u, 1030u}}) {
      expect_packed_to_equal<float>(m, n, k, band_rows);
      expect_packed_to_equal<double>(m, n, k, band_rows);
    }
  }
}

TEST_P(matmul_kernel, packs_an_empty_b_in_no_parts) {
  EXPECT_EQ(matmul_pack_parts<float>(matmul_shape(3, 0, 4)), 0u);
  EXPECT_EQ(matmul_pack_parts<double>(matmul_shape(3, 4, 0)), 0u);
  std::vector<float> c(12, untouched);
  matmul_packed(matmul_shape(3, 4, 0), std::span<const float>(), std::span<const float>(), c);
  EXPECT_EQ(c, std::vector<float>(12, 0.0f));
}

template <class T>
void expect_the_error_to_be_bounded() {
  const matmul_shape shape(37, 71, 1777);
  const auto a = fractions<T>(shape.m * shape.k, 5);
  const auto b = fractions<T>(shape.k * shape.n, 6);
  std::vector<T> c(shape.m * shape.n);
  std::vector<T> scratch(matmul_scratch<T>(shape));
  matmul(shape, std::span<const T>(a), std::span<const T>(b), std::span(c), std::span(scratch));
  for (std::size_t row = 0; row < shape.m; ++row) {
    for (std::size_t column = 0; column < shape.n; ++column) {
      long double sum = 0;
      long double magnitude = 0;
      for (std::size_t p = 0; p < shape.k; ++p) {
        const long double product =
            static_cast<long double>(a[row * shape.k + p]) * static_cast<long double>(b[p * shape.n + column]);
        sum += product;
        magnitude += std::abs(product);
      }
      const long double bound = static_cast<long double>(shape.k) * magnitude *
                                static_cast<long double>(std::numeric_limits<T>::epsilon()) / 2;
      ASSERT_LE(std::abs(static_cast<long double>(c[row * shape.n + column]) - sum), bound) << row << ", " << column;
    }
  }
}

TEST_P(matmul_kernel, stays_within_the_error_bound_on_fractions) {
  expect_the_error_to_be_bounded<float>();
  expect_the_error_to_be_bounded<double>();
}

TEST_P(matmul_kernel, passes_on_what_is_no_number) {
  const matmul_shape shape(9, 49, 70);
  const auto a = integers<float>(shape.m * shape.k, 7);
  auto b = integers<float>(shape.k * shape.n, 8);
  b[3 * shape.n + 17] = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> c(shape.m * shape.n);
  std::vector<float> scratch(matmul_scratch<float>(shape));
  matmul(shape, a, b, c, scratch);
  for (std::size_t row = 0; row < shape.m; ++row) {
    for (std::size_t column = 0; column < shape.n; ++column) {
      EXPECT_EQ(std::isnan(c[row * shape.n + column]), column == 17) << row << ", " << column;
    }
  }
}

TEST(matmul_scratch, is_bounded_whatever_the_size) {
  const matmul_shape huge(100'000, 100'000, 100'000);
  EXPECT_LE(matmul_scratch<float>(huge) * sizeof(float), 513u * 1024);
  EXPECT_LE(matmul_scratch<double>(huge) * sizeof(double), 513u * 1024);
  EXPECT_LE(matmul_scratch<float>(matmul_shape(4, 4, 4)) * sizeof(float), 1024u);
}

TEST(matmul_packing_death_test, stops_a_program_whose_packed_elements_do_not_fit) {
  const matmul_shape shape(4, 4, 4);
  const std::vector<float> large(1000);
  std::vector<float> c(16);
  aligned_buffer<float> packed(matmul_packed_elements<float>(shape) + 1);
  EXPECT_DEATH(matmul_pack(shape, large, packed.span(), 1), "below matmul_pack_parts");
  EXPECT_DEATH(matmul_pack(shape, std::span(large).first(15), packed.span(), 0), "b holds a k x n matrix");
  EXPECT_DEATH(matmul_pack(shape, large, packed.span().subspan(1), 0), "simd_alignment_bytes");
  EXPECT_DEATH(matmul_packed(shape, large, packed.span().first(3), c), "matmul_packed_elements");
  EXPECT_DEATH(matmul_packed(shape, std::span(large).first(15), packed.span(), c), "a holds an m x k matrix");
}

TEST(matmul_checks_death_test, stop_a_program_whose_spans_are_too_short) {
  const matmul_shape shape(4, 4, 4);
  std::vector<float> large(1000);
  std::vector<float> small(15);
  EXPECT_DEATH(matmul(shape, small, large, large, large), "a holds an m x k matrix");
  EXPECT_DEATH(matmul(shape, large, small, large, large), "b holds a k x n matrix");
  EXPECT_DEATH(matmul(shape, large, large, small, large), "c holds an m x n matrix");
  EXPECT_DEATH(matmul(shape, large, large, large, small), "matmul_scratch says");
  matmul_shape narrow = shape;
  narrow.a_stride = 3;
  EXPECT_DEATH(matmul(narrow, large, large, large, large), "a stride is at least");
}

}  // namespace
}  // namespace waitwork::kernels
