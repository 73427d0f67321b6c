// SPDX-License-Identifier: Apache-2.0
#pragma once
// open_file: what is asked of a descriptor again and again, with the answers that are no failures.

#include <string_view>

namespace waitwork {

// write(2) until all of `text` is written: goes on after a signal, and waits where somebody has made the descriptor
// non-blocking. False, with errno set, on an error; the beginning may then have been written.
bool write_whole(int fd, std::string_view text) noexcept;

// fsync(2) where the file system has it; one that refuses it (EINVAL, EOPNOTSUPP) has nothing to bring to a device.
// False, with errno set, if the device failed.
bool synced(int fd) noexcept;

// The same by fdatasync(2).
bool data_synced(int fd) noexcept;

// Whether `name` in `directory` (AT_FDCWD, or a directory's descriptor) is this very file, no link to it and nothing
// that has taken its name.
bool is_called(int fd, int directory, const char* name) noexcept;

}  // namespace waitwork
