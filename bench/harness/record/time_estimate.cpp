// SPDX-License-Identifier: Apache-2.0
#include <harness/record/time_estimate.hpp>

namespace waitwork::bench {

void time_estimate::learn(std::size_t row, double seconds) { seconds_of_row_[row] = seconds; }

std::optional<double> time_estimate::remaining(const std::vector<unsigned>& rounds_left) const {
  double known_sum = 0;
  std::size_t known = 0;
  for (const std::optional<double>& seconds : seconds_of_row_) {
    known_sum += seconds.value_or(0);
    known += seconds ? 1u : 0u;
  }
  if (known == 0) return std::nullopt;
  const double usual = known_sum / static_cast<double>(known);
  double sum = 0;
  for (std::size_t row = 0; row < rounds_left.size(); ++row) {
    sum += rounds_left[row] * seconds_of_row_[row].value_or(usual);
  }
  return sum;
}

}  // namespace waitwork::bench
