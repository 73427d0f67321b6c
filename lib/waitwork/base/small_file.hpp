// SPDX-License-Identifier: Apache-2.0
#pragma once
// small_file: reading what the kernel publishes as text under /proc and /sys, where it may be anything.
//
// A container shows its own /proc, a sandbox lies, a bind mount puts a pipe or a device in a file's place. So nothing
// is waited for and nothing is read without end: what is no regular file of a believable length is not there.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace waitwork {

// The longest of these files that is believed: /proc/cpuinfo of 4096 CPUs has 6 MB, mountinfo of 50,000 mounts 8.
inline constexpr std::size_t small_file_most_bytes = 16 << 20;

// The whole file. Absent if it cannot be read, is no regular file, or is longer than `most_bytes`.
std::optional<std::string> read_small_file(const std::filesystem::path& path,
                                           std::size_t most_bytes = small_file_most_bytes);

// `text` as a decimal number, with nothing before or after it; absent if it is none or does not fit.
std::optional<std::int64_t> decimal_number(std::string_view text) noexcept;

// Takes the part before the first `separator`, or all of it, off the front of `text`, and the separator with it.
std::string_view take_until(std::string_view& text, char separator) noexcept;

}  // namespace waitwork
