// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writing a file so that a reader, or a crash, sees the old one or the new one and never a part.
//
// A temporary file in the same directory, fsync, rename, fsync of the directory: two flushes of the device. A symbolic
// link is followed because the user named it, and stays: what it points to is replaced, or made. The file keeps the
// mode and, where this process may give it away, the owner of the one that it replaces; access control lists are not
// kept. A new one has what the umask leaves.
//
// What a rename would not reach is written in place: a pipe, a device, /dev/stdout or another open descriptor, and a
// file that is mounted by itself. There is no old content to fall back to; whoever keeps the data elsewhere meanwhile
// should keep it until this has returned.

#include <filesystem>
#include <functional>
#include <string_view>

namespace waitwork {

// Returns when the file is on the device. Throws environment_error if it cannot be written: nothing has changed then,
// unless it is written in place. If only the directory could not be brought to the device, the new file is there, but
// may not outlive a power cut.
//
// A pipe may keep us waiting for its reader: `give_up` is then asked about ten times a second, and true ends it with an
// environment_error; empty means to wait. The caller must have SIGPIPE ignored.
void write_file_atomically(const std::filesystem::path& file, std::string_view content,
                           const std::function<bool()>& give_up = {});

// Throws environment_error now if write_file_atomically() could not even begin later: no such directory, a directory in
// the file's place, no permission, links in a circle, a read-only file system. Leaves nothing behind, and removes what
// a killed process left of writing this file. Never waits.
void check_writable(const std::filesystem::path& file);

// Whether `file` would be written in place, and so nothing can lie beside it or replace it. Throws environment_error if
// it cannot be written at all.
bool written_in_place(const std::filesystem::path& file);

}  // namespace waitwork
