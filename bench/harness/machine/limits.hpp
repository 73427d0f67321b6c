// SPDX-License-Identifier: Apache-2.0
#pragma once
// limits: what this machine can do at most (waitwork/measure/probe.hpp), as `doctor` says it and as reports carry it.

#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <waitwork/measure/probe.hpp>

#include <harness/machine/doctor.hpp>

namespace waitwork::bench {

// How long the machine is looked at. A brief look (a tenth of the time) shows that everything can be measured, as a
// smoke run does of the rows; its figures are as good as that.
enum class probe_effort { usual, brief };

// With as many workers as can compute here at the same time. Keeps their CPUs busy for about half a second.
machine_limits probe_this_machine(probe_effort effort = probe_effort::usual);

// A few findings, always the same and in the same order; like all of them with a remedy exactly if not ok. Said besides
// the figures: what all workers together fall short of, which is the ceiling of any gain by parallel work, and whether
// the memory that was measured is that of a cache.
std::vector<doctor_item> describe(const machine_limits& limits);

// The report's `context.waitwork.limits`. What was not measured is left out and listed under "absent".
nlohmann::ordered_json to_json(const machine_limits& limits);

// Of two of these, of the same machine at different times, the better of each figure: whatever disturbed one of them
// can only have made it worse. Absent is what is so in both.
nlohmann::ordered_json better_of(const nlohmann::ordered_json& first, const nlohmann::ordered_json& second);

}  // namespace waitwork::bench
