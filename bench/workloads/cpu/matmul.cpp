// SPDX-License-Identifier: Apache-2.0
// cpu/matmul: C = A * B in single precision. A unit that only computes.
//
//   l2      n = 224     the three matrices fit a second-level cache of 1 MiB; 0.15 ms at 160 GFLOP/s
//   llc     n = 768     7 MB of all three: the last level's; 6 ms
//   memory  n = 2304    64 MB; 150 ms (full suite)
//
// The matrices hold whole numbers, small enough that every sum is exact in a float: the answer does
// not depend on the order of the additions, and any kernel, instruction set and compiler must give
// the same one. It is the checksum of all of C; the expected one comes from the factors alone, as
// the checksum is linear (after Freivalds, "Probabilistic machines can use less running time", IFIP
// 1977): sums down the columns of A * B are sums down the columns of A, times B.

#include <waitwork/kernels/matmul.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/parallel/matmul.hpp>
#include <waitwork/parallel/split.hpp>

#include <workloads/cpu/checksum.hpp>
#include <workloads/cpu/computing_workload.hpp>

namespace waitwork::bench {
namespace {

// Multiples of 32: whole vectors.
std::size_t size_of(const workload_settings& settings) {
  if (settings.smoke) return 96;
  if (settings.variant == "l2") return 224;
  if (settings.variant == "llc") return 768;
  return 2304;
}

// |c| <= 2304 * 42 * 42 < 2^22: see shifted().
constexpr std::uint64_t largest_entry = 42;
constexpr std::size_t factor_count = 2;
constexpr std::size_t product_count = factor_count * factor_count;

using matrix = aligned_buffer<float>;

matrix random_matrix(std::size_t n, std::uint64_t seed) {
  splitmix64 random(seed);
  matrix entries(n * n);
  for (float& entry : entries.span()) {
    entry = static_cast<float>(random.below(2 * largest_entry + 1)) - static_cast<float>(largest_entry);
  }
  return entries;
}

// The bits of x + 1.5 * 2^23, for a whole number |x| < 2^22: there a float's last bit is worth 1,
// so they are x plus a constant, modulo 2^32. A conversion to an integer costs as much and is
// undefined for the garbage that a broken kernel may leave.
constexpr float shift = 12582912.0f;
constexpr std::uint32_t shift_bits = std::bit_cast<std::uint32_t>(shift);
std::uint32_t shifted(float x) noexcept { return std::bit_cast<std::uint32_t>(x + shift); }

// What a checksum takes of a product with so many columns.
auto words_of(const matrix& product, std::size_t columns) {
  return [entries = product.data(), columns](std::size_t row, std::size_t column) {
    return shifted(entries[row * columns + column]);
  };
}

// Row vector times matrix, modulo 2^32.
std::vector<std::uint32_t> times(const std::vector<std::uint32_t>& row, const matrix& factor) {
  const std::size_t n = row.size();
  std::vector<std::uint32_t> result(n);
  for (std::size_t p = 0; p < n; ++p) {
    for (std::size_t column = 0; column < n; ++column) {
      result[column] += row[p] * (shifted(factor[p * n + column]) - shift_bits);
    }
  }
  return result;
}

// What column_checksum gives for the shifted elements of A * B.
answer checksum_of_product(std::size_t n, const matrix& a, const matrix& b) {
  const std::vector<std::uint32_t> ones(n, 1);
  std::vector<std::uint32_t> weights(n);
  for (std::size_t row = 0; row < n; ++row) weights[row] = static_cast<std::uint32_t>(n - row);
  std::vector<std::uint32_t> plain = times(times(ones, a), b);
  std::vector<std::uint32_t> weighted = times(times(weights, a), b);
  for (std::uint32_t& sum : plain) sum += static_cast<std::uint32_t>(n) * shift_bits;
  for (std::uint32_t& sum : weighted) sum += static_cast<std::uint32_t>(n * (n + 1) / 2) * shift_bits;
  return column_checksum::of_sums(plain, weighted);
}

// What one multiplication needs besides its factors; of a thread.
struct workspace {
  explicit workspace(const kernels::matmul_shape& shape)
      : product(shape.m * shape.n), scratch(kernels::matmul_scratch<float>(shape)) {}
  matrix product;
  aligned_buffer<float> scratch;
  column_checksum checksum;
};

class matmul_workload final : public computing_workload {
 public:
  explicit matmul_workload(const workload_settings& settings) : shape_(square(size_of(settings))) {
    for (std::size_t i = 0; i < factor_count; ++i) {
      left_.push_back(random_matrix(shape_.n, mix64(settings.seed + 2 * i)));
      right_.push_back(random_matrix(shape_.n, mix64(settings.seed + 2 * i + 1)));
    }
    for (std::size_t i = 0; i < product_count; ++i)
      expected_.push_back(checksum_of_product(shape_.n, left(i), right(i)));
  }

  // The checksum is taken by all workers as well, each of the rows that it comes by.
  answer run_split(arena& workers, unit work) override {
    if (checksums_.empty()) {
      split_product_ = matrix(shape_.m * shape_.n);
      split_scratch_ = matrix(parallel_matmul_scratch<float>(shape_, workers.workers()));
      checksums_.resize(workers.workers());
    }
    parallel_matmul(workers, shape_, left(work.index).span(), right(work.index).span(), split_product_.span(),
                    split_scratch_.span());
    for (column_checksum& each : checksums_) each.begin(shape_.m, shape_.n);
    split(workers, shape_.m, rows_to_sum, [&](const part& rows) {
      checksums_[rows.worker].add(rows.begin, rows.end, words_of(split_product_, shape_.n));
    });
    for (std::size_t other = 1; other < checksums_.size(); ++other) checksums_[0].add(checksums_[other]);
    return checksums_[0].value();
  }

  std::map<std::string, double> parameters() const override {
    const auto n = static_cast<double>(shape_.m);
    const double matrix_bytes = n * n * sizeof(float);
    return {{"n", n},
            {"flops_per_unit", 2 * n * n * n},
            {"bytes_read_per_unit", 2 * matrix_bytes},
            {"bytes_written_per_unit", matrix_bytes},
            {"working_set_bytes", 3 * matrix_bytes}};
  }

  answer expected(std::uint64_t index) const override { return expected_[index % product_count]; }

 private:
  // Some ten microseconds.
  static constexpr std::size_t rows_to_sum = 64;

  static kernels::matmul_shape square(std::size_t n) { return {n, n, n}; }

  const matrix& left(std::uint64_t index) const { return left_[index % factor_count]; }
  const matrix& right(std::uint64_t index) const { return right_[index / factor_count % factor_count]; }

  answer compute(std::uint64_t index) const override {
    thread_local workspace space(shape_);
    kernels::matmul(shape_, left(index).span(), right(index).span(), space.product.span(), space.scratch.span());
    return space.checksum.of(shape_.m, shape_.n, words_of(space.product, shape_.n));
  }

  kernels::matmul_shape shape_;
  std::vector<matrix> left_;
  std::vector<matrix> right_;
  std::vector<answer> expected_;
  // Of run_split: one unit at a time.
  matrix split_product_;
  matrix split_scratch_;
  std::vector<column_checksum> checksums_;
};

const bool registered = register_computing<matmul_workload>("cpu/matmul");

}  // namespace
}  // namespace waitwork::bench
