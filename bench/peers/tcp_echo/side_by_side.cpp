// SPDX-License-Identifier: Apache-2.0
#include <peers/tcp_echo/side_by_side.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <optional>
#include <thread>
#include <vector>

#include <waitwork/base/clock.hpp>
#include <waitwork/bench/workload.hpp>

namespace waitwork::bench {
namespace {

struct slice {
  double cpu_ns;
  double system_calls;
  double duration_ns;
};

// The kernel brings the CPU time of another process up to date when that goes to sleep, or at the next tick, some
// milliseconds later.
constexpr std::chrono::milliseconds until_asleep(1);

slice measure(measured_server& server, std::uint64_t requests) {
  const server_cost before = server.cost();
  const std::int64_t begin_ns = now_ns();
  const unit_log log = server.run(0, requests);
  const std::int64_t end_ns = now_ns();
  std::this_thread::sleep_for(until_asleep);
  const server_cost after = server.cost();
  if (log.wrong > 0) throw wrong_answer("a TCP echo server sent back something else than it received");
  return {static_cast<double>(after.cpu_ns - before.cpu_ns),
          static_cast<double>(after.system_calls - before.system_calls), static_cast<double>(end_ns - begin_ns)};
}

// Nothing if there is none: a slice may have been too short for the clock of the server's CPU time to move.
std::optional<double> median(std::vector<double> values) {
  std::erase_if(values, [](double ratio) { return !std::isfinite(ratio) || ratio <= 0; });
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

}  // namespace

server_ratios compare_side_by_side(measured_server& ours, measured_server& theirs, unsigned pairs,
                                   std::uint64_t requests) {
  std::vector<double> cpu;
  std::vector<double> enters;
  std::vector<double> speed;
  measure(ours, requests);
  measure(theirs, requests);
  for (unsigned pair = 0; pair < pairs; ++pair) {
    slice mine{};
    slice other{};
    if (pair % 2 == 0) {
      mine = measure(ours, requests);
      other = measure(theirs, requests);
    } else {
      other = measure(theirs, requests);
      mine = measure(ours, requests);
    }
    cpu.push_back(mine.cpu_ns / other.cpu_ns);
    enters.push_back(mine.system_calls / other.system_calls);
    speed.push_back(other.duration_ns / mine.duration_ns);
  }
  return {median(cpu), median(enters), median(speed)};
}

void add_figures(std::map<std::string, double>& into, const server_ratios& ratios, const std::string& peer) {
  if (ratios.server_cpu) into["server_cpu_over_" + peer] = *ratios.server_cpu;
  if (ratios.server_enters) into["server_enters_over_" + peer] = *ratios.server_enters;
  if (ratios.requests) into["requests_over_" + peer] = *ratios.requests;
}

}  // namespace waitwork::bench
