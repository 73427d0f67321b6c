// SPDX-License-Identifier: Apache-2.0
#pragma once
// cgroup: where the limits of this process's control group are written.

#include <filesystem>
#include <string_view>
#include <vector>

namespace waitwork {

struct cgroup_directory {
  std::filesystem::path path;
  bool unified;  // version 2
};

// The directories of this process's cgroup and of every one above it, up to the top of what the mount shows: a limit
// holds for all below it. From `root`/proc/self/cgroup (which cgroup) and `root`/proc/self/mountinfo (where cgroups are
// to be seen): version 2, and the version 1 hierarchy of `controller` ("cpu", "memory"), also where both are mounted.
// Mount points are taken below `root`, which is "/" except in tests. What cannot be read or
// believed is not there: a path that is too long or leads upwards, thousands of directories.
std::vector<cgroup_directory> cgroup_directories(const std::filesystem::path& root, std::string_view controller);

}  // namespace waitwork
