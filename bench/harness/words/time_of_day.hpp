// SPDX-License-Identifier: Apache-2.0
#pragma once
// The time of day in ISO 8601, as reports write it.

#include <string>

namespace waitwork::bench {

// In UTC: "2026-11-21T09:00:00Z".
std::string utc_time_of_day();

// In UTC with milliseconds, for what follows each other within a second: "2026-11-21T09:00:00.123Z".
std::string utc_time_of_day_ms();

// In the machine's own time zone: "2026-11-21T10:00:00+01:00", as in Google Benchmark's context.
std::string local_time_of_day();

}  // namespace waitwork::bench
