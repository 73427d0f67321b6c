// SPDX-License-Identifier: Apache-2.0
#include <peers/kernels/slices.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>

#include <waitwork/base/check.hpp>
#include <waitwork/base/clock.hpp>
#include <waitwork/base/random.hpp>

namespace waitwork::bench {
namespace {

// Long against waking a worker, short against what disturbs.
constexpr std::int64_t slice_ns = 3'000'000;

class turn {
 public:
  explicit turn(const contender& whose) : whose_(whose) {
    if (whose.before) whose.before();
  }
  ~turn() {
    if (whose_.after) whose_.after();
  }
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;

 private:
  const contender& whose_;
};

constexpr double enough_ns = 1.5e9;
constexpr unsigned most_cycles = 21;
constexpr unsigned least_cycles = 7;

// The first of several runs finds the caches as somebody else has left them, and is not counted.
double time_of(const contender& timed, std::uint64_t runs) {
  const turn here(timed);
  if (runs > 1) timed.run();
  const std::int64_t begin_ns = now_ns();
  for (std::uint64_t run = 0; run < runs; ++run) timed.run();
  return static_cast<double>(now_ns() - begin_ns) / static_cast<double>(runs);
}

std::uint64_t runs_of_a_slice(const contender& timed) {
  const turn here(timed);
  timed.run();
  const std::int64_t begin_ns = now_ns();
  std::uint64_t runs = 0;
  do {
    timed.run();
    ++runs;
  } while (now_ns() - begin_ns < slice_ns);
  return runs;
}

}  // namespace

slices::slices(const std::vector<contender>& contenders) : times_ns_(contenders.size()) {
  std::vector<std::uint64_t> runs;
  const std::int64_t begin_ns = now_ns();
  for (const contender& each : contenders) {
    names_.push_back(each.name);
    runs.push_back(runs_of_a_slice(each));
  }
  const double cycle_ns = static_cast<double>(now_ns() - begin_ns);
  // Odd: one of the ratios is the median.
  const unsigned cycles =
      1u | static_cast<unsigned>(std::clamp(enough_ns / cycle_ns, double{least_cycles}, double{most_cycles}));
  std::vector<std::size_t> order(contenders.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  splitmix64 random(contenders.size());
  for (unsigned cycle = 0; cycle < cycles; ++cycle) {
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    for (const std::size_t next : order) times_ns_[next].push_back(time_of(contenders[next], runs[next]));
  }
}

bool slices::has(const std::string& name) const { return std::ranges::find(names_, name) != names_.end(); }

const std::vector<double>& slices::times_of(const std::string& name) const {
  const auto found = std::ranges::find(names_, name);
  WAITWORK_CHECK(found != names_.end(), "a contender that is asked for took part");
  return times_ns_[static_cast<std::size_t>(found - names_.begin())];
}

double slices::time_ratio(const std::string& of, const std::string& over) const {
  const std::vector<double>& ours = times_of(of);
  const std::vector<double>& theirs = times_of(over);
  std::vector<double> ratios;
  for (std::size_t cycle = 0; cycle < ours.size(); ++cycle) ratios.push_back(ours[cycle] / theirs[cycle]);
  const auto middle = ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2);
  std::ranges::nth_element(ratios, middle);
  return *middle;
}

}  // namespace waitwork::bench
