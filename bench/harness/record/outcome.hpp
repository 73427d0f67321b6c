// SPDX-License-Identifier: Apache-2.0
#pragma once
// row_outcome: what became of one row in one round.

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>

#include <nlohmann/json.hpp>

#include <waitwork/report/model.hpp>

#include <harness/process/child_process.hpp>

namespace waitwork::bench {

struct measured {
  nlohmann::ordered_json figures;  // an entry of the report's "benchmarks"
};

struct failed {
  failure_reason reason;
  std::string detail;
};

struct absent {
  std::string cause;
  std::string remedy;
};

inline constexpr std::uint64_t most_iterations = 1'000'000'000'000'000;  // Google Benchmark stops at 10^9

using row_outcome = std::variant<measured, failed, absent>;

// Reads the answer of a measuring process. Whatever is not a clean exit with one well-formed object
// is a failure.
row_outcome outcome_of(const child_result& child, std::chrono::nanoseconds time_limit);

// {"result": ...}, {"failure": ...} or {"absent": ...}: the form in which a child answers and the
// journal remembers.
nlohmann::ordered_json to_json(const row_outcome& outcome);

// The reverse. Throws malformed_json if `object` is not of that form, or lacks what every reader of the
// report relies on: positive times, whole iterations, figures that are finite.
row_outcome outcome_from_json(const nlohmann::ordered_json& object);

}  // namespace waitwork::bench
