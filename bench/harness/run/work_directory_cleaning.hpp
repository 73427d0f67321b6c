// SPDX-License-Identifier: Apache-2.0
#pragma once
// work_directory_cleaning: how work directories are removed, of this run and of runs that were killed.
//
// Everything is looked at and removed relative to an opened directory, by names that are ours, one by one.

#include <string>
#include <string_view>

#include <waitwork/base/unique_fd.hpp>

namespace waitwork::bench {

std::string new_work_directory_name();
bool is_work_directory_name(std::string_view name) noexcept;

// Locks an opened work directory. False, with errno set: EWOULDBLOCK if somebody else holds the lock or has removed the
// directory, another error where there are no locks.
bool claim_work_directory(int directory) noexcept;

// Removes work files, marker and then the directory itself, which is opened as `directory`, locked by us and called
// `name` in `place`. False if it stays.
bool remove_work_directory(int place, const std::string& name, int directory);

// Removes from `place` every work directory that a killed run left. What cannot be looked at or removed stays.
void remove_stale_work_directories(int place);

}  // namespace waitwork::bench
