// SPDX-License-Identifier: Apache-2.0
#include <harness/machine/stored_limits.hpp>

#include <cstdint>
#include <limits>
#include <string>

#include <nlohmann/json.hpp>

#include <waitwork/report/checked_json.hpp>

namespace waitwork::bench {
namespace {

using nlohmann::ordered_json;

constexpr double most = std::numeric_limits<double>::max();
constexpr std::uint64_t most_took_ns = 86'400'000'000'000;  // a day: two of them can be added
constexpr std::uint64_t most_workers = 1'000'000;           // more CPUs than any machine has

void check_rates(const ordered_json& object) {
  for (const auto& [name, value] : object.items()) {
    if (is_rate(name)) number_member(object, name.c_str(), 0, most);
  }
}

}  // namespace

bool is_rate(std::string_view name) noexcept { return name.ends_with("_one") || name.ends_with("_all"); }

void check_limits(const ordered_json& limits) {
  text_member(limits, "instruction_set");
  whole_member(limits, "workers", 1, most_workers);
  whole_member(limits, "took_ns", 0, most_took_ns);
  check_rates(limits);
  for (const ordered_json& cache : array_member(limits, "caches")) {
    text_member(cache, "level");
    number_member(cache, "cache_bytes", 0, most);
    check_rates(cache);
  }
  for (const ordered_json& chase : array_member(limits, "latencies")) {
    text_member(chase, "level");
    number_member(chase, "ns_per_step", 0, most);
  }
  for (const ordered_json& missing : array_member(limits, "absent")) {
    text_member(missing, "name");
    text_member(missing, "cause");
  }
}

}  // namespace waitwork::bench
