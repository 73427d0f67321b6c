// SPDX-License-Identifier: Apache-2.0
#pragma once
// histogram: how many units took how long, in fixed memory, at a cost of a few nanoseconds a unit.
//
// Latencies span nine orders of magnitude and the tail is the interesting part, so neither equal
// buckets nor a reservoir of samples will do. The buckets are log-linear, the idea of HdrHistogram
// (Gil Tene, https://hdrhistogram.org): each power of two is cut into 64 equal buckets, so that a
// bucket is never wider than 1/64 (1.56 %) of the values in it, and values below 128 are exact.
// 2368 counters cover 0 ns to 73 minutes in 19 KiB, of which a real distribution touches a few
// cache lines. Whatever is longer is counted in the last bucket; max() and mean() stay exact.
//
// Not thread-safe, on purpose: give each thread its own and merge. Not corrected for coordinated
// omission: that needs an intended arrival time, which a closed loop of units does not have.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace waitwork {

class alignas(64) histogram {  // no false sharing between the histograms of neighbouring threads
 public:
  // Values in [lower_ns, upper_ns), count > 0.
  struct bucket {
    std::int64_t lower_ns;
    std::int64_t upper_ns;
    std::uint64_t count;
    bool operator==(const bucket&) const = default;
  };

  // The first value that the buckets no longer tell apart: 2^42 ns, 73 minutes.
  static constexpr std::int64_t saturation_ns = std::int64_t{1} << 42;

  // The same duration so many times. Negative ones, which the monotonic clock does not produce, count as 0.
  void record(std::int64_t duration_ns, std::uint64_t times = 1) noexcept {
    if (times == 0) return;
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(duration_ns, 0));
    counts_[index_of(std::min(value, saturation - 1))] += times;
    count_ += times;
    sum_ns_ += value * times;
    min_ns_ = std::min(min_ns_, value);
    max_ns_ = std::max(max_ns_, value);
  }

  // Adds all that `other` holds, as if it had been recorded here.
  void merge(const histogram& other) noexcept;

  std::uint64_t count() const noexcept { return count_; }

  // Exact. 0 if nothing is recorded. (The sum overflows after 584 years of recorded time.)
  std::int64_t min_ns() const noexcept;
  std::int64_t max_ns() const noexcept;
  double mean_ns() const noexcept;

  // The q-quantile by nearest rank, i.e. the ceil(q * count)-th smallest value; q <= 0 is the
  // smallest, q >= 1 the largest, both exact; 0 if nothing is recorded. What is returned is the
  // middle of the bucket which holds that value, kept within [min, max]: it is off by at most half
  // a bucket, 1/128 (0.79 %) of the value, and exact below 128 ns. (Past saturation only q >= 1 has
  // a bound.)
  double quantile_ns(double q) const noexcept;

  // The non-empty buckets in ascending order. The last one also holds all that is saturated.
  std::vector<bucket> buckets() const;

 private:
  static constexpr unsigned split_bits = 6;   // 64 buckets a power of two
  static constexpr unsigned value_bits = 42;  // of the largest value that is told apart
  // 128 for the values that are their own index, and 64 for each bit more than the 7 that those
  // have.
  static constexpr std::size_t bucket_count = std::size_t{value_bits - split_bits + 1} << split_bits;
  static constexpr std::uint64_t saturation = static_cast<std::uint64_t>(saturation_ns);
  static_assert(saturation == std::uint64_t{1} << value_bits);

  // Values of split_bits + 1 significant bits or less are their own index. Of longer ones, `shift`
  // low bits are dropped until that many are left; each dropped bit moves the index on by 64.
  static constexpr std::size_t index_of(std::uint64_t value) noexcept {
    const unsigned width = static_cast<unsigned>(std::bit_width(value | 1));
    const unsigned shift = width > split_bits + 1 ? width - (split_bits + 1) : 0;
    return (std::size_t{shift} << split_bits) + static_cast<std::size_t>(value >> shift);
  }
  static bucket bounds_of(std::size_t index) noexcept;

  std::array<std::uint64_t, bucket_count> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ns_ = 0;
  std::uint64_t min_ns_ = ~std::uint64_t{0};
  std::uint64_t max_ns_ = 0;
};

}  // namespace waitwork
