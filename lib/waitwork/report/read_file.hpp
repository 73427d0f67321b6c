// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reading a file that somebody named, which may be anything: a pipe that nobody writes, a device without an end, a
// folder.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include <waitwork/base/unique_fd.hpp>

namespace waitwork {

// Opens a regular file for reading, or for reading and writing, without waiting for anybody. Nothing if there is none.
// Throws environment_error if it is something else or may not be opened; `operation` begins its sentence ("read
// report").
std::optional<unique_fd> open_regular_file(const char* operation, const std::filesystem::path& file, int flags);

// The whole of a regular file; nothing if there is none. Throws environment_error, also if it has more than
// `most_bytes`.
std::optional<std::string> read_regular_file(const char* operation, const std::filesystem::path& file,
                                             std::size_t most_bytes);

}  // namespace waitwork
