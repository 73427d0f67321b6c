// SPDX-License-Identifier: Apache-2.0
#pragma once
// context: where, on what and by which build a run was made; the "context" of its report.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include <harness/machine/limits.hpp>

namespace waitwork::bench {

// Google Benchmark's members under their names, then `additions` (--benchmark_context), then ours
// under "waitwork". Looks at the machine, which takes about half a second, or briefly; its limits are for the caller to
// add.
nlohmann::ordered_json report_context(const std::string& executable, const std::filesystem::path& work_directory,
                                      const std::map<std::string, std::string>& additions, probe_effort effort);

// Two runs with different digests cannot share a report: another machine, or another program.
std::string environment_digest();

}  // namespace waitwork::bench
