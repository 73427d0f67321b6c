// SPDX-License-Identifier: Apache-2.0
#pragma once
// workload: what is measured. A number of independent units of the same work, written once for callers that may block
// and once for a loop; the strategies do the rest (strategy.hpp), and the suite is the product of the two.
//
// Whatever is not the work itself (files, servers, connections, input data) is made in the constructor and so stays
// outside the timed region. A workload object serves one row in one process.

#include <sys/types.h>

#include <climits>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <waitwork/bench/work_files.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/hybrid/offload.hpp>

namespace waitwork::bench {

// One unit of work. Units in flight at the same time have different lanes, in [0, workload_settings::lanes), so that
// a lane can own a buffer or a connection. The index counts up without end: take it modulo the input's size.
struct unit {
  std::uint64_t index;
  unsigned lane;
};

// What a unit computed, compared with workload::expected(): usually a checksum of all of its output.
using answer = std::uint64_t;

// Where a unit that runs on a loop sends its compute part. The strategy decides; the workload is written once.
//   concurrent: computes on the loop's thread, then lets the other ready units have their turn
//   hybrid:     computes on the arena while the loop goes on with the waits of other units
class async_context {
 public:
  explicit async_context(arena* compute_arena) noexcept : arena_(compute_arena) {}

  // Runs `work` (a callable named by the caller, alive until resumed) and resumes on this loop.
  template <class Work>
  [[nodiscard]] auto compute(Work& work) {
    return offload_or_inline(arena_, work);
  }

 private:
  arena* arena_;  // null: no arena, compute where we are
};

class workload {
 public:
  virtual ~workload() = default;

  // Does one unit and may block. Called from several threads at once, each with a lane of its own.
  virtual answer run(unit work) = 0;

  // Does the same unit on a loop: waits are awaited, compute goes through context.compute().
  virtual task<answer> run(async_context& context, unit work) = 0;

  // Does the same unit with all workers of an arena, cut into parts (waitwork/parallel/split.hpp), if the workload's
  // definition says that it can. One unit at a time.
  virtual answer run_split(arena& workers, unit work);

  // The right answer of unit `index`. Called inside the timed region after each unit: a few nanoseconds.
  virtual answer expected(std::uint64_t index) const = 0;

  // Sizes and other constants that a reader of the report wants beside the figures, e.g. {"wait_us", 500}. From
  // bytes_per_unit, flops_per_unit and pixels_per_unit the report computes a rate; and from what a unit does at the
  // least, its share of what the machine can do at most (share_of_limit.hpp).
  virtual std::map<std::string, double> parameters() const { return {}; }

  // After the timed region: what could not be checked unit by unit (that written data is on the device). Throws
  // wrong_answer.
  virtual void verify() {}

  // After the timed region: what was seen besides times, as further figures of the row, e.g. {"bytes_per_sleeper",
  // 231.5}.
  virtual std::map<std::string, double> figures() const { return {}; }

  // The library that does the work, where that is not this project: name, version, and what it chose for this
  // processor, e.g. "OpenBLAS 0.3.21 SkylakeX". Else empty.
  virtual std::string library() const { return {}; }

  // The process that this workload talks to; its CPU time is reported apart from ours.
  virtual std::optional<pid_t> server() const { return std::nullopt; }
};

class wrong_answer : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What a workload is given to build itself.
struct workload_settings {
  std::string variant;                   // one of workload_definition::variants
  unsigned lanes = 1;                    // units in flight at most
  unsigned workers = 1;                  // threads that may compute at the same time: the row's
  std::filesystem::path work_directory;  // exists and is writable; shared by all rows of the run
  std::uint64_t seed = 0;                // the same for every row of a run
  double work_per_us = 0;                // busy_work steps that take one microsecond here, measured once a run
  bool smoke = false;                    // small input: prove that it works, do not measure

  // Where the workload makes its file `name`. At the end of the run the work directory is cleaned of files with such
  // names, and of no others.
  std::filesystem::path file(std::string_view name) const { return work_file(work_directory, name); }
};

struct workload_definition {
  std::string name;                   // "<class>/<workload>", e.g. "io/file_read"
  std::vector<std::string> variants;  // {""} if there is only one; the empty name adds nothing to the row's name
  // Further variants that only the full suite measures, because a unit of them takes long.
  std::vector<std::string> full_variants = {};
  // Whether a unit spends time waiting: then worker threads past the CPUs make sense and are measured.
  bool waits = false;
  // Whether one unit can be cut into parts that several workers do at the same time: workload::run_split.
  bool splits = false;
  // Workers at most, in the class "peers": 1 for work that is compared but not split.
  unsigned most_workers = UINT_MAX;
  // Of a workload of the class "peers", and of no other: the numbers of units in flight to compare at. If it splits, 1:
  // it is compared with one worker and with all.
  std::vector<unsigned> depths = {};
  // Throws unsupported_error if the machine lacks what the variant needs, environment_error if it refuses or runs out.
  std::function<std::unique_ptr<workload>(const workload_settings&)> make;
};

// Registers a workload at program start; returns true, so that it can initialise a constant:
//   const bool registered = bench::register_workload({.name = "io/timer", ...});
bool register_workload(workload_definition definition);

// Every registered workload, by name.
const std::vector<workload_definition>& registered_workloads();

}  // namespace waitwork::bench
