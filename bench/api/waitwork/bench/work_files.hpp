// SPDX-License-Identifier: Apache-2.0
#pragma once
// work_files: what files in a work directory are called, in one place for those who make them and for who removes them.
//
// A work directory is cleaned by name and never as a tree: whatever a user put there stays. So every file of a workload
// gets its name here.

#include <filesystem>
#include <string_view>

namespace waitwork::bench {

// "<directory>/<name>.waitwork". `name` says whose it is, e.g. "file_read-direct"; it has no slash.
std::filesystem::path work_file(const std::filesystem::path& directory, std::string_view name);

// Where this process makes a work file that is to appear under its name only when it is whole.
std::filesystem::path unfinished_work_file(const std::filesystem::path& finished);

// Whether cleaning removes a file of this name: one that the functions above give, or the journal of a run whose report
// has no place to lie beside.
bool is_work_file(std::string_view file_name) noexcept;

}  // namespace waitwork::bench
