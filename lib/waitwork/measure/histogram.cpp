// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/histogram.hpp>

#include <cmath>

namespace waitwork {

histogram::bucket histogram::bounds_of(std::size_t index) noexcept {
  constexpr std::size_t split = std::size_t{1} << split_bits;
  // The inverse of index_of: for index >= 2 * split, index = shift * split + kept with kept in
  // [split, 2 * split).
  const std::size_t shift = index < 2 * split ? 0 : index / split - 1;
  const auto kept = static_cast<std::int64_t>(index - shift * split);
  return {kept << shift, (kept + 1) << shift, 0};
}

void histogram::merge(const histogram& other) noexcept {
  for (std::size_t index = 0; index < bucket_count; ++index) counts_[index] += other.counts_[index];
  count_ += other.count_;
  sum_ns_ += other.sum_ns_;
  min_ns_ = std::min(min_ns_, other.min_ns_);
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

std::int64_t histogram::min_ns() const noexcept { return count_ == 0 ? 0 : static_cast<std::int64_t>(min_ns_); }

std::int64_t histogram::max_ns() const noexcept { return static_cast<std::int64_t>(max_ns_); }

double histogram::mean_ns() const noexcept {
  return count_ == 0 ? 0.0 : static_cast<double>(sum_ns_) / static_cast<double>(count_);
}

double histogram::quantile_ns(double q) const noexcept {
  if (count_ == 0) return 0.0;
  if (q <= 0.0) return static_cast<double>(min_ns_);
  if (q >= 1.0) return static_cast<double>(max_ns_);
  // q is a rounded decimal: 0.07 * 100 is a little more than 7 and must not become the 8th value.
  const double position = q * static_cast<double>(count_) * (1.0 - 1e-14);
  const auto rank = std::max<std::uint64_t>(static_cast<std::uint64_t>(std::ceil(position)), 1);
  std::uint64_t seen = 0;
  for (std::size_t index = 0; index < bucket_count; ++index) {
    seen += counts_[index];
    if (seen < rank) continue;
    const bucket found = bounds_of(index);
    // Upper is exclusive and values are whole, so the middle of a bucket of width 1 is its value.
    const double middle = static_cast<double>(found.lower_ns + (found.upper_ns - 1)) / 2.0;
    return std::clamp(middle, static_cast<double>(min_ns_), static_cast<double>(max_ns_));
  }
  return static_cast<double>(max_ns_);
}

std::vector<histogram::bucket> histogram::buckets() const {
  std::vector<bucket> filled;
  for (std::size_t index = 0; index < bucket_count; ++index) {
    if (counts_[index] == 0) continue;
    filled.push_back(bounds_of(index));
    filled.back().count = counts_[index];
  }
  return filled;
}

}  // namespace waitwork
