// SPDX-License-Identifier: Apache-2.0
#pragma once
// stored_limits: whether the limits of a machine (limits.hpp) that come out of a file can be believed.

#include <nlohmann/json_fwd.hpp>

namespace waitwork::bench {

// Throws malformed_json if the object lacks what is written there, or has it with another type or out of its range.
void check_limits(const nlohmann::ordered_json& limits);

}  // namespace waitwork::bench
