// SPDX-License-Identifier: Apache-2.0
#pragma once
// runner: measures every row in every round, each time in a fresh process, in an order that is new
// each round.
//
// Fresh processes, so that one crash, hang or leak costs one row and no row finds the caches,
// arenas and rings of another. Rounds, so that drift of the machine hits all rows alike and ratios
// between rows can be taken within a round. A new random order, so that no row always follows the
// same other. All of it from one seed: a run can be repeated, and a run that was interrupted goes
// on in the order in which it would have.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <harness/process/own_program.hpp>
#include <harness/record/journal.hpp>
#include <harness/record/outcome.hpp>
#include <harness/record/run_ledger.hpp>
#include <harness/streams/progress.hpp>
#include <harness/suite/registry.hpp>

namespace waitwork::bench {

struct run_plan {
  run_configuration configuration;
  std::vector<row> rows;
  double work_per_us = 0;
  std::filesystem::path work_directory;
  std::chrono::nanoseconds time_limit{};   // of each measurement
  int verbosity = 0;                       // of the measuring processes; above 0 their standard error is passed on
  bool loop_stats = false;                 // with the counters of every single loop
  std::optional<absent> io_uring;          // why rows that need io_uring cannot be measured; nothing if they can
  std::string executable = own_program();  // the program that measures: this one
};

enum class run_end { finished, interrupted };

// Measures what `ledger` wants and puts each outcome into `journal` before it goes on. Returns
// early when `interrupt_fd` becomes readable; the row that was being measured then is not recorded.
// Throws environment_error if the journal cannot be written or no process can be started.
run_end run_rows(const run_plan& plan, journal& results, run_ledger& ledger, progress& shown, int interrupt_fd);

// The order in which a round measures `rows`, as indices: the subjects in random order, and each
// one's rows in random order within it. So the rows that are compared with
// each other are seconds apart, not minutes, and what slows the machine for a while cancels in their
// ratio. Depends on rows, seed and round alone.
std::vector<std::size_t> round_order(const std::vector<row>& rows, std::uint64_t seed, unsigned round);

}  // namespace waitwork::bench
