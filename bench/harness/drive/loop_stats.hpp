// SPDX-License-Identifier: Apache-2.0
#pragma once
// loop_stats: what the loops of a row counted, for the report and, with --loop-stats, for a person.
//
// A loop's time goes into entries into the kernel and into what each of them moves; everything here says how many there
// were and why. The flat counters of a row are sums over its loops. The block has every loop by itself, because a
// hybrid row can be slow through one loop that has all the work.

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include <waitwork/io/loop.hpp>
#include <waitwork/report/model.hpp>

namespace waitwork::bench {

// All counts, under the names of their members.
nlohmann::ordered_json counters_json(const loop_counters& counters);

// The sum over some loops.
loop_counters sum_of(std::span<const loop_counters> loops);

// The block "loop_stats" of a row that did `units` units.
nlohmann::ordered_json loop_stats_json(std::span<const loop_counters> loops, double units,
                                       std::optional<unsigned> kernel_workers);

// A paragraph for each row that has the block, over all of its rounds; "" if none has it.
std::string loop_stats_text(const report& finished);

}  // namespace waitwork::bench
