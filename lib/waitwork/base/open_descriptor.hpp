// SPDX-License-Identifier: Apache-2.0
#pragma once
// open_descriptor: opening files so that no descriptor of ours is 0, 1 or 2.
//
// A program that was started with a standard stream closed gets its number for the next file that it opens; whatever is
// then said to people on "standard error" is written into that file. SQLite refuses descriptors below 3 for data for
// the same reason. Costs nothing in the usual case.

#include <sys/types.h>

#include <waitwork/base/unique_fd.hpp>

namespace waitwork {

// The same open file under a descriptor of 3 or more, closed on exec. Empty, with errno set, if there is none to be had
// or `fd` was empty.
unique_fd above_standard_streams(unique_fd fd) noexcept;

// openat(2) with O_CLOEXEC added, repeated when a signal interrupts it, above the standard streams. `directory` is
// AT_FDCWD or a directory's descriptor. Empty, with errno set, on failure.
unique_fd open_descriptor(int directory, const char* path, int flags, mode_t mode = 0) noexcept;

}  // namespace waitwork
