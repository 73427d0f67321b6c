// SPDX-License-Identifier: Apache-2.0
#include <harness/machine/context.hpp>

#include <sys/stat.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <vector>

#include <waitwork/measure/build_info.hpp>
#include <waitwork/measure/environment.hpp>
#include <waitwork/measure/machine.hpp>
#include <waitwork/parallel/effective_cpus.hpp>

#include <harness/machine/doctor.hpp>
#include <harness/words/time_of_day.hpp>

namespace waitwork::bench {
namespace {

using nlohmann::ordered_json;

machine this_machine() {
  const cpu_allowance allowance = read_cpu_allowance();
  return read_machine({allowance.effective(), allowance.affinity, allowance.quota});
}

ordered_json machine_object(const machine& host) {
  ordered_json object = {{"fingerprint", host.fingerprint()},
                         {"cpu_model", host.cpu_model},
                         {"cpus_effective", host.cpus.effective},
                         {"cpus_affinity", host.cpus.affinity}};
  if (host.cpus.quota) object["cpu_quota"] = *host.cpus.quota;
  object["memory_bytes"] = host.memory_bytes;
  object["kernel"] = host.kernel;
  object["hypervisor"] = host.hypervisor;
  object["architecture"] = host.architecture;
  return object;
}

ordered_json build_object(const build_info& build) {
  ordered_json object = {{"version", build.version},
                         {"compiler", build.compiler},
                         {"build_type", build.build_type},
                         {"flags", build.flags}};
  if (build.git) object["git"] = *build.git;
  object["libraries"] = build.libraries;
  return object;
}

// Google Benchmark's part. Its own build type would be that of the library as the distribution
// built it, which says nothing about the code that is measured; here it is ours.
ordered_json google_benchmark_members(const std::string& executable, const environment& host, bool optimized) {
  ordered_json caches = ordered_json::array();
  for (const cpu_cache& cache : host.caches) {
    caches.push_back(
        {{"type", cache.type}, {"level", cache.level}, {"size", cache.size_bytes}, {"num_sharing", cache.sharing}});
  }
  ordered_json object = {{"date", local_time_of_day()},
                         {"host_name", host.host_name},
                         {"executable", executable},
                         {"num_cpus", host.cpus_online},
                         {"mhz_per_cpu", std::llround(host.mhz)}};
  if (host.cpu_scaling_enabled) object["cpu_scaling_enabled"] = *host.cpu_scaling_enabled;
  object["caches"] = std::move(caches);
  object["load_avg"] = host.load_average;
  object["library_build_type"] = optimized ? "release" : "debug";
  return object;
}

// Some ticks of the accounting: enough to see whether steal and pressure can be read.
constexpr std::chrono::milliseconds brief_window(40);

}  // namespace

ordered_json report_context(const std::string& executable, const std::filesystem::path& work_directory,
                            const std::map<std::string, std::string>& additions, probe_effort effort) {
  const build_info build = read_build_info();
  ordered_json context = google_benchmark_members(executable, read_environment(), build.optimized);
  const ordered_json ours = {
      {"machine", machine_object(this_machine())},
      {"build", build_object(build)},
      {"environment",
       to_json(effort == probe_effort::brief ? examine(work_directory, brief_window) : examine(work_directory))}};
  for (const auto& [key, value] : additions) {
    if (key != "waitwork") context.emplace(key, value);  // emplace: what is measured is not overwritten
  }
  context["waitwork"] = ours;
  return context;
}

std::string environment_digest() {
  std::string text = this_machine().fingerprint() + " " + read_build_info().version;
  struct stat program{};
  if (::stat("/proc/self/exe", &program) == 0) {
    text += " " + std::to_string(program.st_size) + " " + std::to_string(program.st_mtim.tv_sec) + "." +
            std::to_string(program.st_mtim.tv_nsec);
  }
  return hex_digits(fnv1a(text));
}

}  // namespace waitwork::bench
