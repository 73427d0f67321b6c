// SPDX-License-Identifier: Apache-2.0
#pragma once
// slices: several ways to do the same work, timed by turns in slices of a few milliseconds, so that whatever drifts in
// the machine is the same for all of them.

#include <functional>
#include <string>
#include <vector>

namespace waitwork::bench {

struct contender {
  std::string name;
  std::function<void()> run;
  std::function<void()> before = nullptr;  // untimed, at the begin of its slices
  std::function<void()> after = nullptr;   // and at their end
};

class slices {
 public:
  // Runs each for a slice, again and again, every time in another order: 21 times, or fewer, but at least 7, where that
  // takes more than 1.5 s. Throws what they throw.
  explicit slices(const std::vector<contender>& contenders);

  bool has(const std::string& name) const;
  // Median over the cycles of the time of one run over that of the other.
  double time_ratio(const std::string& of, const std::string& over) const;

 private:
  const std::vector<double>& times_of(const std::string& name) const;

  std::vector<std::string> names_;
  std::vector<std::vector<double>> times_ns_;  // [contender][cycle], of one run
};

}  // namespace waitwork::bench
