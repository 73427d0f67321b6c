// SPDX-License-Identifier: Apache-2.0
#include <harness/machine/limits.hpp>

#include <cstdint>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include <waitwork/base/affinity.hpp>
#include <waitwork/measure/memory_allowance.hpp>
#include <waitwork/parallel/effective_cpus.hpp>

#include <harness/machine/stored_limits.hpp>
#include <harness/words/text.hpp>

namespace waitwork::bench {
namespace {

using enum doctor_status;
using nlohmann::ordered_json;

// Of the number of workers. Cores that slow down when all of them compute lose up to a tenth; siblings lose half.
constexpr double ceiling_tolerated = 0.85;

constexpr const char* without_figure = "Nothing to do: the report will not have it.";

// "175", "8.6": three digits at most where there is no point to more.
std::string giga(double rate) { return formatted(rate < 99.5e9 ? "%.1f" : "%.0f", rate / 1e9); }

doctor_item not_measured(const char* name, const std::string& cause) {
  return {name, info, "not measured: " + cause, without_figure};
}

// "175 GFLOP/s by one worker, 344 by 2"
doctor_item rate_item(const char* name, const machine_limits& limits, const char* unit, const rates& of) {
  if (!of.one) return not_measured(name, of.one.error());
  if (!of.all) return not_measured(name, of.all.error());
  return {name, ok,
          giga(*of.one) + " " + unit + " by one worker, " + giga(*of.all) + formatted(" by %u", limits.workers), ""};
}

doctor_item bandwidth_item(const char* name, const machine_limits& limits, const rates& regular,
                           const rates& streaming) {
  doctor_item item = rate_item(name, limits, "GB/s", regular);
  if (item.status != ok) return item;
  if (!streaming.one) return not_measured(name, streaming.one.error());
  if (!streaming.all) return not_measured(name, streaming.all.error());
  item.value += "; with streaming stores " + giga(*streaming.one) + ", " + giga(*streaming.all);
  return item;
}

// "L1 310 and 205 GB/s, L2 120 and 80 by one worker; ... by 2"
doctor_item cache_item(const machine_limits& limits) {
  constexpr const char* name = "cache_bandwidth";
  if (limits.caches.empty()) return not_measured(name, "the machine does not publish its caches");
  std::string one, all;
  for (const cache_bandwidth& cache : limits.caches) {
    const rates& read = cache.read_bytes_per_second;
    const rates& copy = cache.copy_bytes_per_second;
    for (const probed* figure : {&read.one, &read.all, &copy.one, &copy.all}) {
      if (!*figure) return not_measured(name, figure->error());
    }
    const char* const separator = one.empty() ? "" : ", ";
    one += separator + cache.level + " " + giga(*read.one) + "/" + giga(*copy.one);
    all += separator + cache.level + " " + giga(*read.all) + "/" + giga(*copy.all);
  }
  return {name, ok, "read/copied in GB/s by one worker: " + one + formatted("; by %u: ", limits.workers) + all, ""};
}

doctor_item ceiling_item(const machine_limits& limits) {
  constexpr const char* name = "parallel_ceiling";
  if (!limits.f32_flops.one) return not_measured(name, limits.f32_flops.one.error());
  if (!limits.f32_flops.all) return not_measured(name, limits.f32_flops.all.error());
  const double gain = *limits.f32_flops.all / *limits.f32_flops.one;
  const std::string value = formatted("%.2f of %u: what all workers do at once, in terms of one", gain, limits.workers);
  if (gain >= ceiling_tolerated * limits.workers) return {name, ok, value, ""};
  return {name, info, value,
          formatted(
              "Expect no more than a factor of %.1f from %u workers here: they share cores as siblings, a quota stops "
              "them, or others take their CPUs.",
              gain, limits.workers)};
}

// "L1 1.7 ns, L2 6.8 ns, memory 155 ns (128 MiB)"
doctor_item latency_item(const machine_limits& limits) {
  constexpr const char* name = "latency";
  std::string value;
  for (const pointer_chase& chase : limits.latencies) {
    if (!chase.ns_per_step) return not_measured(name, chase.ns_per_step.error());
    const double ns = *chase.ns_per_step;
    value += (value.empty() ? "" : ", ") + chase.level + formatted(ns < 99.5 ? " %.1f ns (" : " %.0f ns (", ns) +
             bytes_text(chase.bytes) + ")";
  }
  return {name, ok, value, ""};
}

doctor_item memory_probed_item(const machine_limits& limits) {
  constexpr const char* name = "memory_probed";
  if (!limits.copy_bytes_per_second.one) return not_measured(name, limits.copy_bytes_per_second.one.error());
  std::string value = "arrays of " + bytes_text(limits.array_bytes);
  if (!limits.last_cache_bytes) {
    return {name, info, value + ", caches not published",
            "Do not take these bandwidths and the latency of memory for memory's if the last cache is larger."};
  }
  value += ", last-level cache of " + bytes_text(*limits.last_cache_bytes);
  const bool arrays_exceed = limits.arrays_exceed_last_cache.value_or(false);
  if (arrays_exceed && limits.chase_exceeds_last_cache.value_or(false)) return {name, ok, value, ""};
  return {name, info, value,
          "Take these bandwidths and the latency of memory for the last cache's, in part or in whole."};
}

// Both figures into an object, or their causes into `absent`; `where` says whose they are, e.g. "L2 ".
void add_rates(ordered_json& object, ordered_json& absent, const std::string& where, const std::string& name,
               const rates& figures) {
  for (const auto& [suffix, figure] : {std::pair{"_one", &figures.one}, std::pair{"_all", &figures.all}}) {
    if (*figure) {
      object[name + suffix] = **figure;
    } else {
      absent.push_back({{"name", where + name + suffix}, {"cause", figure->error()}});
    }
  }
}

// The better of each rate of both objects, into the first.
void take_better_rates(ordered_json& best, const ordered_json& other) {
  for (const auto& [name, value] : other.items()) {
    if (is_rate(name) && (!best.contains(name) || best[name] < value)) best[name] = value;
  }
}

// The entry of that level; null if there is none.
ordered_json* of_level(ordered_json& entries, const ordered_json& level) {
  for (ordered_json& entry : entries) {
    if (entry["level"] == level) return &entry;
  }
  return nullptr;
}

}  // namespace

machine_limits probe_this_machine(probe_effort effort) {
  probe_options options;
  options.workers = effective_cpus();
  options.cpus = affinity_cpus();
  options.caches = read_environment().caches;
  options.memory_bytes = memory_allowance_bytes();
  if (effort == probe_effort::brief) {
    options.windows = 2;
    options.window = nanoseconds(500'000);
    options.warm_up = nanoseconds(1'000'000);
    options.far_bytes = std::size_t{8} << 20;
  }
  return probe_limits(options);
}

std::vector<doctor_item> describe(const machine_limits& limits) {
  return {
      rate_item("peak_f32", limits, "GFLOP/s", limits.f32_flops),
      rate_item("peak_f64", limits, "GFLOP/s", limits.f64_flops),
      ceiling_item(limits),
      rate_item("read_bandwidth", limits, "GB/s", limits.read_bytes_per_second),
      bandwidth_item("copy_bandwidth", limits, limits.copy_bytes_per_second, limits.copy_streaming_bytes_per_second),
      bandwidth_item("triad_bandwidth", limits, limits.triad_bytes_per_second, limits.triad_streaming_bytes_per_second),
      cache_item(limits),
      latency_item(limits),
      memory_probed_item(limits)};
}

ordered_json to_json(const machine_limits& limits) {
  ordered_json object = {{"instruction_set", limits.instruction_set}, {"workers", limits.workers}};
  ordered_json absent = ordered_json::array();
  for (const named_limit& each : named_limits) add_rates(object, absent, "", each.name, limits.*each.figures);
  object["array_bytes"] = limits.array_bytes;
  ordered_json caches = ordered_json::array();
  for (const cache_bandwidth& cache : limits.caches) {
    ordered_json entry = {{"level", cache.level}, {"cache_bytes", cache.cache_bytes}, {"worker_bytes", cache.bytes}};
    add_rates(entry, absent, cache.level + " ", "read_bytes_per_second", cache.read_bytes_per_second);
    add_rates(entry, absent, cache.level + " ", "copy_bytes_per_second", cache.copy_bytes_per_second);
    caches.push_back(std::move(entry));
  }
  object["caches"] = std::move(caches);
  ordered_json latencies = ordered_json::array();
  for (const pointer_chase& chase : limits.latencies) {
    if (chase.ns_per_step) {
      latencies.push_back({{"level", chase.level}, {"chain_bytes", chase.bytes}, {"ns_per_step", *chase.ns_per_step}});
    } else {
      absent.push_back({{"name", "latency of " + chase.level}, {"cause", chase.ns_per_step.error()}});
    }
  }
  object["latencies"] = std::move(latencies);
  if (limits.last_cache_bytes) object["last_cache_bytes"] = *limits.last_cache_bytes;
  if (limits.arrays_exceed_last_cache) object["arrays_exceed_last_cache"] = *limits.arrays_exceed_last_cache;
  if (limits.chase_exceeds_last_cache) object["chase_exceeds_last_cache"] = *limits.chase_exceeds_last_cache;
  object["took_ns"] = limits.took_ns;
  object["absent"] = std::move(absent);
  return object;
}

ordered_json better_of(const ordered_json& first, const ordered_json& second) {
  ordered_json best = first;
  take_better_rates(best, second);
  for (const ordered_json& cache : second.at("caches")) {
    if (ordered_json* const mine = of_level(best["caches"], cache.at("level"))) take_better_rates(*mine, cache);
  }
  for (const ordered_json& chase : second.at("latencies")) {
    ordered_json* const mine = of_level(best["latencies"], chase.at("level"));
    if (mine == nullptr) {
      best["latencies"].push_back(chase);
    } else if (chase.at("ns_per_step") < mine->at("ns_per_step")) {
      *mine = chase;
    }
  }
  best["took_ns"] = first.at("took_ns").get<std::int64_t>() + second.at("took_ns").get<std::int64_t>();
  best["absent"] = ordered_json::array();
  for (const ordered_json& missing : first.at("absent")) {
    for (const ordered_json& other : second.at("absent")) {
      if (missing.at("name") == other.at("name")) best["absent"].push_back(missing);
    }
  }
  return best;
}

}  // namespace waitwork::bench
