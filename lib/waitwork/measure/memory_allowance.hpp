// SPDX-License-Identifier: Apache-2.0
#pragma once
// memory_allowance: how much memory this process can take before something has to give. Past it no call fails: the
// kernel kills a process.

#include <cstdint>
#include <filesystem>
#include <optional>

namespace waitwork {

// The least of what the machine has available (MemAvailable) and of the limits of this cgroup and all above it (v2:
// memory.max; v1: memory.limit_in_bytes; cgroup.hpp). A cgroup's limit counts in full, because
// what is charged to it is mostly page cache, which gives way. Absent if nothing says. `root` is "/" except in tests.
std::optional<std::int64_t> memory_allowance_bytes(const std::filesystem::path& root = "/");

}  // namespace waitwork
