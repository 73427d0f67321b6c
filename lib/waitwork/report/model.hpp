// SPDX-License-Identifier: Apache-2.0
#pragma once
// report: what one run found out, before it is text.
//
// A strict superset of Google Benchmark's JSON: `context` and `benchmarks` are what its readers
// expect, everything of ours is under the key `waitwork`. What was measured stays JSON (the figures
// of a row differ from workload to workload and are only passed on); what the readers decide by is
// typed here: which rows were declared, which of them failed, which this machine cannot measure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace waitwork {

// Of the file, not of the program: a reader goes on with a newer minor version and refuses a newer
// major one.
inline constexpr std::string_view report_schema_version = "1.4.0";

// One point of the suite, as fields, so that nobody has to take a name apart.
struct row_identity {
  std::string name;
  std::string workload;
  std::string variant;  // "" if the workload has only one
  std::string strategy;
  unsigned depth = 1;    // units in flight
  unsigned workers = 1;  // threads
};

enum class failure_reason {
  timed_out,     // past the time limit, and killed
  crashed,       // ended by a signal, or without a result
  wrong_answer,  // a unit's output was not the expected one: its time means nothing
  failed,        // the environment refused something half-way: no space, too few descriptors
};

// The words of the report: "timed_out", "crashed", "wrong_answer", "failed".
std::string_view to_string(failure_reason reason);

// A row that was attempted and gave no figures.
struct row_failure {
  row_identity row;
  unsigned round = 0;
  failure_reason reason = failure_reason::failed;
  std::string detail;  // one sentence
};

// A row that this machine cannot measure.
struct row_absence {
  row_identity row;
  std::string cause;
  std::string remedy;
};

struct run_description {
  bool complete = false;  // every declared row was measured in every round, or failed, or is absent
  std::string suite;
  unsigned rounds = 0;
  std::uint64_t seed = 0;
  std::string filter;    // "" for none
  std::string started;   // UTC, ISO 8601
  std::string finished;  // UTC, ISO 8601
};

struct report {
  nlohmann::ordered_json context;                  // an object
  std::vector<nlohmann::ordered_json> benchmarks;  // objects, one for each row and round
  run_description run;
  std::vector<row_failure> failures;
  std::vector<row_absence> absent;
  std::vector<row_identity> declared;  // every row that the run set out to measure
};

}  // namespace waitwork
