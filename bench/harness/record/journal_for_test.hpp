// SPDX-License-Identifier: Apache-2.0
#pragma once
// Headers and entries of journals, for tests.

#include <string>

#include <harness/record/journal.hpp>

namespace waitwork::bench {

inline nlohmann::ordered_json limits_for_test() {
  return {{"instruction_set", "AVX3"},
          {"workers", 2},
          {"f32_flops_one", 1.5e11},
          {"caches", {{{"level", "L2"}, {"cache_bytes", 1048576}, {"read_bytes_per_second_one", 1e11}}}},
          {"latencies", {{{"level", "L1"}, {"chain_bytes", 24576}, {"ns_per_step", 1.7}}}},
          {"took_ns", 380'000'000},
          {"absent", {{{"name", "f64_flops_one"}, {"cause", "not asked for"}}}}};
}

inline journal_header header_for_test() {
  journal_header header;
  header.configuration.suite = "quick";
  header.configuration.filter = "^io/";
  header.configuration.rounds = 5;
  header.configuration.seed = 18446744073709551615u;
  header.configuration.min_time_s = 0.1;
  header.configuration.perf_counters = "CYCLES";
  header.rows = "rows";
  header.environment = "environment";
  header.work_per_us = 612.25;
  header.started = "2026-11-21T09:00:00Z";
  header.limits = limits_for_test();
  header.run = "0123456789abcdef";
  return header;
}

inline journal_entry entry_for_test(const std::string& row, unsigned round, double real_time = 1.5) {
  return {row, round, 0.25,
          measured{{{"name", row},
                    {"real_time", real_time},
                    {"cpu_time", 1.25},
                    {"iterations", 7},
                    {"p50_ns", 12345.5},
                    {"waitwork", {{"parameters", {{"depth_us", 1000.0}}}}}}}};
}

}  // namespace waitwork::bench
