// SPDX-License-Identifier: Apache-2.0
#pragma once
// destination: what the name of an output file means, decided once for the check before a run and the writing after it.
//
// The name is looked at as it was given, first by the kernel (stat) and only then by its links: the text of a link of
// the kernel's own, such as /proc/self/fd/1 behind /dev/stdout, is no path. Only a link in the last place is followed
// by hand, since that is the one that a rename would replace.

#include <sys/stat.h>

#include <filesystem>
#include <optional>

namespace waitwork {

struct destination {
  std::filesystem::path given;  // for what is said to people
  std::filesystem::path file;   // behind the links; what a rename replaces
  std::optional<struct stat> existing;
  // A pipe, a device, a file that is mounted by itself, or an open descriptor: a rename would not reach whoever reads
  // it.
  bool in_place = false;
  std::optional<int> descriptor;  // of this process (/dev/stdout, /dev/fd/63): shares its offset, so it is not reopened
};

// Throws environment_error if nothing can be written there as far as a look can tell: a directory, a disk, a socket,
// links in a circle, a file that is not to be written or may not be replaced.
destination resolve_destination(const std::filesystem::path& file);

// Where its last component lies; "." if it has only that.
std::filesystem::path directory_of(const std::filesystem::path& file);

}  // namespace waitwork
