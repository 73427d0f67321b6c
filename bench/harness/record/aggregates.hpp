// SPDX-License-Identifier: Apache-2.0
#pragma once
// aggregates: Google Benchmark's summaries of a row over its rounds.
//
// The report keeps every round and no summary; these exist for its readers that expect them in the
// output and in
// --benchmark_out. Computed here because Google Benchmark's own function is not part of its
// interface and because 1.7.1 divides by a zero mean, which would put a NaN into the file.

#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace waitwork::bench {

// The entries <name>_mean, _median, _stddev and _cv for the entries of one row, in that order; none
// for fewer than two. A counter is summarised if every round has it; its variation coefficient is
// left out where its mean is zero.
std::vector<nlohmann::ordered_json> aggregates_of(std::span<const nlohmann::ordered_json> rounds);

// The names of an entry's counters: its numbers that are not part of Google Benchmark's own
// structure.
std::vector<std::string> counter_names(const nlohmann::ordered_json& entry);

}  // namespace waitwork::bench
