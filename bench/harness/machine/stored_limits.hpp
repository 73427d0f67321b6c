// SPDX-License-Identifier: Apache-2.0
#pragma once
// stored_limits: whether the limits of a machine (limits.hpp) that come out of a file can be believed.

#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace waitwork::bench {

// Whether a member of that name is a rate, of one worker or of all.
bool is_rate(std::string_view name) noexcept;

// Throws malformed_json if the object lacks what is written there, or has it with another type or out of its range.
void check_limits(const nlohmann::ordered_json& limits);

}  // namespace waitwork::bench
