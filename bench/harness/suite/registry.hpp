// SPDX-License-Identifier: Apache-2.0
#pragma once
// registry: the product of workloads, strategies and sizes. What is registered is measured; nothing else names a row.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <waitwork/bench/workload.hpp>

#include <harness/suite/suite.hpp>

namespace waitwork::bench {

// How units are driven; strategy.hpp says what each one does.
enum class strategy_kind { sequential, concurrent, parallel, hybrid };
std::string_view to_string(strategy_kind strategy) noexcept;

// One workload under one strategy at one size: what one process measures.
struct row {
  // As Google Benchmark prints it: "io/file_read/direct/concurrent/depth:64/process_time/real_time".
  std::string name;
  std::string workload;  // "io/file_read"
  std::string variant;   // "direct"; empty if the workload has only one
  strategy_kind strategy = strategy_kind::sequential;
  unsigned depth = 1;  // units in flight at most
  // Threads of the arena: they run units (parallel) or their compute (hybrid); else one. A parallel row with fewer
  // units in flight than workers has one unit, split over all of them.
  unsigned workers = 1;
  unsigned family_index = 0;  // rows that differ in size only are a family
  unsigned per_family_instance_index = 0;
  bool needs_io_uring = false;
  // Rows of one subject are compared with each other, and so measured next to each other: the workload and variant,
  // whose strategies compete, or the workload, if its variants do.
  std::string subject;
};

// The rows of a suite on a machine with this many effective CPUs, in a fixed order. With the environment variable
// WAITWORK_TEST_WORKLOADS=1 it ends with workloads that crash, hang, compute wrongly or are absent, for tests of the
// harness itself.
std::vector<row> suite_rows(suite_kind suite, unsigned cpus);

// The same for this machine.
std::vector<row> suite_rows(suite_kind suite);

// Those of them that a filter's expression chooses (row_filter.hpp), in the suite's order. Throws usage_error if it is
// none.
std::vector<row> chosen_rows(suite_kind suite, const std::string& expression);

// Their names, one a line, for a person or a program to read.
std::string listing(const std::vector<row>& rows);

// The registered workload of that name; null if there is none.
const workload_definition* find_workload(std::string_view name);

}  // namespace waitwork::bench
