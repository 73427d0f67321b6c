// SPDX-License-Identifier: Apache-2.0
#pragma once
// work_directory_marker: the file that proves that a directory is a work directory of ours, and says whose.
//
// It names the directory and its inode: a copy, a restored backup or a directory that was given another name is the
// user's, whatever it contains. It names the process by identifier, start and boot, since identifiers are used again.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace waitwork::bench {

inline constexpr const char* marker_name = ".waitwork-work-directory";

// Under this name until it is whole. Alone in a directory with an own name, it is what a run that was killed meanwhile
// left.
inline constexpr const char* unfinished_marker_name = ".waitwork-work-directory.new";

struct work_directory_marker {
  std::string directory;            // its name
  ino_t inode = 0;                  // of the directory
  pid_t process = 0;                // the runner's, as it sees itself: in a container often 1
  std::uint64_t started_ticks = 0;  // since the machine started; 0 if /proc does not say
  std::string boot = "-";           // identifier of the boot; "-" if /proc does not say

  bool operator==(const work_directory_marker&) const = default;
};

// For a directory that this process makes.
work_directory_marker marker_of_this_process(std::string directory, ino_t inode);

std::string to_text(const work_directory_marker& marker);

// Nothing if `text` is not byte for byte what to_text() gives for some marker.
std::optional<work_directory_marker> marker_from_text(std::string_view text);

// Whether its process is known to live. A container with process identifiers of its own cannot know: then only the lock
// on the directory says it.
bool owner_lives(const work_directory_marker& marker);

}  // namespace waitwork::bench
