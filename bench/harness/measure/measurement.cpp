// SPDX-License-Identifier: Apache-2.0
#include <harness/measure/measurement.hpp>

#include <cmath>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <waitwork/base/check.hpp>

#include <harness/drive/loop_stats.hpp>
#include <harness/words/time_of_day.hpp>

namespace waitwork::bench {
namespace {

using json = nlohmann::ordered_json;

std::optional<std::int64_t> server_cpu(const workload& work) {
  const std::optional<pid_t> server = work.server();
  if (!server) return std::nullopt;
  const result<std::int64_t> cpu_ns = process_cpu_ns(*server);
  if (!cpu_ns) throw std::system_error(cpu_ns.error(), "reading the CPU time of the workload's server");
  return *cpu_ns;
}

void add_latency(json& into, const histogram& latency) {
  into["p50_ns"] = latency.quantile_ns(0.50);
  into["p90_ns"] = latency.quantile_ns(0.90);
  into["p99_ns"] = latency.quantile_ns(0.99);
  into["p999_ns"] = latency.quantile_ns(0.999);
  into["max_ns"] = static_cast<double>(latency.max_ns());
  into["mean_ns"] = latency.mean_ns();
}

void add_usage(json& into, const resource_usage& used, double units) {
  const auto per_unit = [units](std::int64_t count) { return static_cast<double>(count) / units; };
  into["user_ns_per_unit"] = per_unit(used.user_ns);
  into["sys_ns_per_unit"] = per_unit(used.system_ns);
  into["ctx_switches_per_unit"] = per_unit(used.voluntary_switches + used.involuntary_switches);
  into["voluntary_switches_per_unit"] = per_unit(used.voluntary_switches);
  into["involuntary_switches_per_unit"] = per_unit(used.involuntary_switches);
  into["minor_faults_per_unit"] = per_unit(used.minor_faults);
  into["major_faults_per_unit"] = per_unit(used.major_faults);
}

void add_loops(json& into, const loop_counters& loops, double units) {
  into["enters_per_unit"] = static_cast<double>(loops.enters) / units;
  const auto per_enter = [&loops](std::uint64_t count) {
    return loops.enters == 0 ? 0.0 : static_cast<double>(count) / static_cast<double>(loops.enters);
  };
  into["submissions_per_enter"] = per_enter(loops.submissions);
  into["completions_per_enter"] = per_enter(loops.completions);
}

json histogram_json(const histogram& latency) {
  json buckets = json::array();
  for (const histogram::bucket& bucket : latency.buckets()) {
    buckets.push_back({bucket.lower_ns, bucket.upper_ns, bucket.count});
  }
  return {{"unit", "ns"}, {"buckets", std::move(buckets)}};
}

// A parameter "<what>_per_unit" of the workload gives a rate under the field's usual name.
void add_rates(json& into, const std::map<std::string, double>& parameters, double unit_ns) {
  const auto rate = [&](const char* parameter, const char* name, double per_ns_scale) {
    const auto found = parameters.find(parameter);
    if (found != parameters.end()) into[name] = found->second / unit_ns * per_ns_scale;
  };
  rate("bytes_per_unit", "bytes_per_second", 1e9);
  if (!into.contains("bytes_per_second")) {
    const auto part = [&](const char* parameter) {
      const auto found = parameters.find(parameter);
      return found == parameters.end() ? 0.0 : found->second;
    };
    const double bytes = part("bytes_read_per_unit") + part("bytes_written_per_unit");
    if (bytes > 0) into["bytes_per_second"] = bytes / unit_ns * 1e9;
  }
  rate("flops_per_unit", "gflops", 1.0);
  rate("pixels_per_unit", "mpixels_per_second", 1e3);
}

}  // namespace

measurement::measurement(const strategy& driver, const workload& work)
    : parameters_(work.parameters()),
      library_(work.library()),
      started_(utc_time_of_day_ms()),
      pressure_begin_(pressure_now()),
      usage_(process_usage()),
      loops_(driver.loops()),
      server_cpu_ns_(server_cpu(work)) {}

void measurement::end(const strategy& driver, const workload& work) {
  usage_ = process_usage() - usage_;
  const std::vector<loop_counters> begin = std::exchange(loops_, driver.loops());
  WAITWORK_CHECK(begin.size() == loops_.size(), "a strategy keeps its loops");
  for (std::size_t index = 0; index < loops_.size(); ++index) loops_[index] -= begin[index];
  if (!loops_.empty()) {
    kernel_workers_ = kernel_worker_threads();
    loop_setup_flags_ = driver.loop_setup_flags();
  }
  if (server_cpu_ns_) server_cpu_ns_ = *server_cpu(work) - *server_cpu_ns_;
  figures_ = work.figures();
  surroundings_ = pressure_now() - pressure_begin_;
}

json report_row(const row& chosen, unsigned round, const benchmark::BenchmarkReporter::Run& timed,
                const measurement& measured, bool loop_stats) {
  const auto units = static_cast<double>(timed.iterations);
  const double unit_ns = timed.GetAdjustedRealTime();
  WAITWORK_CHECK(units > 0 && std::isfinite(unit_ns) && unit_ns > 0, "a timed region has units and a duration");
  const std::map<std::string, double>& parameters = measured.parameters();

  json result;
  // The row's own name: with a fixed number of iterations Google Benchmark would append that number.
  result["name"] = chosen.name;
  result["run_name"] = chosen.name;
  result["run_type"] = "iteration";
  result["threads"] = 1;
  result["iterations"] = timed.iterations;
  result["real_time"] = unit_ns;
  result["cpu_time"] = timed.GetAdjustedCPUTime();
  result["time_unit"] = "ns";
  result["items_per_second"] = 1e9 / unit_ns;
  add_rates(result, parameters, unit_ns);
  add_latency(result, measured.log().latency);
  add_usage(result, measured.usage(), units);
  if (measured.server_cpu_ns()) {
    result["server_cpu_ns_per_unit"] = static_cast<double>(*measured.server_cpu_ns()) / units;
  }
  if (measured.kernel_workers()) result["kernel_workers"] = *measured.kernel_workers();
  const loop_counters loops = sum_of(measured.loops());
  if (!measured.loops().empty()) add_loops(result, loops, units);
  for (const auto& [name, value] : measured.figures()) result[name] = value;
  for (const auto& [name, counter] : timed.counters) result[name] = counter.value;

  json ours;
  ours["class"] = chosen.workload.substr(0, chosen.workload.find('/'));
  ours["workload"] = chosen.workload;
  ours["variant"] = chosen.variant;
  ours["strategy"] = to_string(chosen.strategy);
  ours["depth"] = chosen.depth;
  ours["workers"] = chosen.workers;
  ours["round"] = round;
  ours["parameters"] = parameters.empty() ? json::object() : json(parameters);
  if (!measured.library().empty()) ours["library"] = measured.library();
  ours["latency_histogram"] = histogram_json(measured.log().latency);
  if (!measured.loops().empty()) {
    ours["loop"] = {{"setup_flags", measured.loop_setup_flags()}};
    ours["loop"].update(counters_json(loops));
    if (loop_stats) ours["loop_stats"] = loop_stats_json(measured.loops(), units, measured.kernel_workers());
  }
  ours["started"] = measured.started();
  if (const auto& some = measured.surroundings().cpu_some_percent) ours["pressure_cpu_some_percent"] = *some;
  if (const auto& steal = measured.surroundings().steal_percent) ours["steal_percent"] = *steal;
  result["waitwork"] = std::move(ours);
  return result;
}

}  // namespace waitwork::bench
