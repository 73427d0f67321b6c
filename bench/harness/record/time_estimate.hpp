// SPDX-License-Identifier: Apache-2.0
#pragma once
// time_estimate: how long the rest of a run will take.
//
// Learned: a row's next round takes what its last one took, a row not yet seen what the seen ones took on average, and
// before the first row is done nothing is claimed.

#include <cstddef>
#include <optional>
#include <vector>

namespace waitwork::bench {

// Seconds that remain, from the rows that are done.
class time_estimate {
 public:
  explicit time_estimate(std::size_t rows) : seconds_of_row_(rows) {}

  // A round of this row took so long.
  void learn(std::size_t row, double seconds);

  // The sum over rows of rounds_left[row] times what a round of it takes; nothing if no row is
  // known.
  std::optional<double> remaining(const std::vector<unsigned>& rounds_left) const;

 private:
  std::vector<std::optional<double>> seconds_of_row_;
};

}  // namespace waitwork::bench
