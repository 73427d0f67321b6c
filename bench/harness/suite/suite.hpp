// SPDX-License-Identifier: Apache-2.0
#pragma once
// suite: the kinds of runs, by name.

#include <optional>
#include <string_view>

namespace waitwork::bench {

// smoke, quick and full are the product of workloads, strategies and sizes. peers has the workloads of the class
// "peers" and nothing else has them: there the variants are what one would pick instead of this runtime, doing the same
// work: waits under concurrent, and what can be split under parallel, one unit by one worker and by all.
enum class suite_kind { smoke, quick, full, peers };

// The names are those of the enumerators.
std::string_view to_string(suite_kind suite) noexcept;
std::optional<suite_kind> suite_from(std::string_view name) noexcept;

}  // namespace waitwork::bench
