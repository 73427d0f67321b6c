// SPDX-License-Identifier: Apache-2.0
#pragma once
// share_of_limit: how near a row comes to what the machine can do at most, after Williams, Waterman and Patterson,
// "Roofline: an insightful visual performance model" (CACM 2009).
//
// A workload says what one unit does at the least, in parameters():
//   flops_per_unit          operations, a multiply-add counting two; of doubles if flops_are_f64 is 1, else of floats
//   bytes_read_per_unit     that its input has, and bytes_written_per_unit, that its output has: each byte once,
//   however
//                           often it comes and goes
//   working_set_bytes       of all that one worker touches again and again: which cache they come from. Without it,
//                           memory
// The limit is the longer of the two times that the machine needs for the operations alone and for the bytes alone,
// with as many workers as the row has.

#include <map>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace waitwork::bench {

struct limit_share {
  double share;    // 1: no machine of this kind can be faster; more is a limit that the probe found too low
  std::string by;  // "arithmetic", "L1", "L2", ..., "memory"
};

// `limits` is the report's context.waitwork.limits, `workers` the threads that computed at the same time, unit_ns the
// time from one unit's end to the next. None if the workload does not say what it does, or the limit was not measured.
std::optional<limit_share> share_of_limit(const nlohmann::ordered_json& limits,
                                          const std::map<std::string, double>& parameters, unsigned workers,
                                          double unit_ns);

}  // namespace waitwork::bench
