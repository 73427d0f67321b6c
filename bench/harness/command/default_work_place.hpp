// SPDX-License-Identifier: Apache-2.0
#pragma once
// default_work_place: where workloads keep their files if the user does not say.

#include <filesystem>

namespace waitwork::bench {

// $TMPDIR, or /var/tmp: unlike /tmp it is not in memory, and a workload that reads a disk must find
// one.
std::filesystem::path default_work_place();

}  // namespace waitwork::bench
