#pragma once
// Writing a file so that a reader, or a crash, sees the old one or the new one and never a part.
//
// A temporary file in the same directory, fsync, rename, fsync of the directory. Costs two device
// flushes. A target that is not a regular file (a pipe, /dev/stdout) cannot be renamed over and is
// written in place; a symbolic link is followed.

#include <filesystem>
#include <string_view>

namespace waitwork {

// Throws environment_error, with nothing left behind, if the file cannot be written.
void write_file_atomically(const std::filesystem::path& file, std::string_view content);

// Throws environment_error now if write_file_atomically() could not even begin later: no such
// directory, a directory in the file's place, no permission, a read-only file system. Leaves
// nothing behind.
void check_writable(const std::filesystem::path& file);

}  // namespace waitwork
