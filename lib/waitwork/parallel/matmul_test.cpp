// SPDX-License-Identifier: Apache-2.0
#include <waitwork/parallel/matmul.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <tuple>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/random.hpp>

namespace waitwork {
namespace {

template <class T>
aligned_buffer<T> fractions(std::size_t count, std::uint64_t seed) {
  splitmix64 random(seed);
  aligned_buffer<T> values(count);
  for (T& value : values.span()) value = static_cast<T>(random.below(1u << 20)) / (1 << 19) - T{1};
  return values;
}

// By `workers` workers and by none: the same bits in all of C's storage, also between its rows.
template <class T>
void expect_same_bits(unsigned workers, std::size_t m, std::size_t n, std::size_t k, std::size_t padding = 0) {
  kernels::matmul_shape shape(m, n, k);
  shape.a_stride += padding;
  shape.b_stride += padding;
  shape.c_stride += padding;
  const aligned_buffer<T> a = fractions<T>(m * shape.a_stride, 1);
  const aligned_buffer<T> b = fractions<T>(k * shape.b_stride, 2);
  aligned_buffer<T> c = fractions<T>(m * shape.c_stride, 3);
  aligned_buffer<T> expected = fractions<T>(m * shape.c_stride, 3);
  aligned_buffer<T> scratch(parallel_matmul_scratch<T>(shape, workers));
  arena here(workers);
  parallel_matmul(here, shape, a.span(), b.span(), c.span(), scratch.span());
  kernels::matmul(shape, a.span(), b.span(), expected.span(), scratch.span());
  EXPECT_TRUE(std::ranges::equal(std::as_bytes(c.span()), std::as_bytes(expected.span())))
      << m << " x " << n << " x " << k << " by " << workers;
}

TEST(parallel_matmul, gives_the_same_bits_as_one_worker) {
  for (const unsigned workers : {1u, 2u, 3u}) {
    for (const auto& [m, n, k] : {std::tuple{1uz, 1uz, 1uz},
                                  {24uz, 300uz, 300uz},
                                  {25uz, 401uz, 255uz},
                                  {130uz, 130uz, 130uz},
                                  {257uz, 63uz, 1030uz},
                                  {241uz, 400uz, 33uz},
                                  {130uz, 800uz, 700uz},
                                  {49uz, 1100uz, 1100uz}}) {
      expect_same_bits<float>(workers, m, n, k);
      expect_same_bits<double>(workers, m, n, k);
    }
  }
}

TEST(parallel_matmul, leaves_what_lies_between_rows_alone) { expect_same_bits<float>(2, 200, 190, 180, 7); }

TEST(parallel_matmul, of_nothing_is_nothing) {
  expect_same_bits<float>(2, 0, 300, 300);
  expect_same_bits<float>(2, 300, 0, 300);
  expect_same_bits<float>(2, 300, 300, 0);
}

}  // namespace
}  // namespace waitwork
