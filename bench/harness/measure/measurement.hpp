// SPDX-License-Identifier: Apache-2.0
#pragma once
// measurement: what surrounds one timed region, and the report row made of it.
//
// The snapshots are taken just outside the timed region: they cost some ten microseconds, which then belong to no one's
// time but do appear in the counts of switches and CPU, spread over all units.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <waitwork/bench/workload.hpp>
#include <waitwork/measure/pressure.hpp>
#include <waitwork/measure/resource_usage.hpp>

#include <harness/drive/strategy.hpp>
#include <harness/suite/registry.hpp>

namespace waitwork::bench {

class measurement {
 public:
  measurement() = default;
  // Takes the first snapshot.
  measurement(const strategy& driver, const workload& work);

  void set_log(unit_log&& log) { log_ = std::move(log); }
  // Takes the second snapshot; from here on the differences are defined.
  void end(const strategy& driver, const workload& work);

  const unit_log& log() const noexcept { return log_; }
  const resource_usage& usage() const noexcept { return usage_; }
  // Of each loop; none if there are none.
  const std::vector<loop_counters>& loops() const noexcept { return loops_; }
  const std::optional<std::int64_t>& server_cpu_ns() const noexcept { return server_cpu_ns_; }
  unsigned loop_setup_flags() const noexcept { return loop_setup_flags_; }
  const std::optional<unsigned>& kernel_workers() const noexcept { return kernel_workers_; }
  const pressure& surroundings() const noexcept { return surroundings_; }
  const std::string& started() const noexcept { return started_; }
  const std::map<std::string, double>& parameters() const noexcept { return parameters_; }
  const std::map<std::string, double>& figures() const noexcept { return figures_; }
  const std::string& library() const noexcept { return library_; }

 private:
  unit_log log_;
  std::map<std::string, double> parameters_;
  std::map<std::string, double> figures_;
  std::string library_;
  std::string started_;  // ISO 8601, UTC, milliseconds
  // Snapshots until end(), differences after it.
  pressure_snapshot pressure_begin_;
  resource_usage usage_;
  std::vector<loop_counters> loops_;
  std::optional<std::int64_t> server_cpu_ns_;
  std::optional<unsigned> kernel_workers_;
  unsigned loop_setup_flags_ = 0;
  pressure surroundings_;
};

// A row of the report, without what only the runner knows (family, repetitions, peak memory). `loop_stats`: with the
// counters of every single loop (loop_stats.hpp).
nlohmann::ordered_json report_row(const row& chosen, unsigned round, const benchmark::BenchmarkReporter::Run& timed,
                                  const measurement& measured, bool loop_stats = false);

}  // namespace waitwork::bench
