// SPDX-License-Identifier: Apache-2.0
#pragma once
// system_files: reading what the kernel publishes as small text files under /proc and /sys.
//
// Every reader here takes the path it reads, so that its callers can be pointed at a directory of
// fixtures, and answers nothing rather than throwing when a file is missing, unreadable (PSI that
// is switched off fails at read, not at open) or not what was expected: what a machine does not
// publish is absent from the report, and that is all. What it publishes may be a lie, by a container's /proc or a
// sandbox: what cannot be true is absent as well (base/small_file.hpp says what cannot be a file).

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace waitwork {

// The whole file, without white space at its end. Absent if it cannot be read.
std::optional<std::string> read_system_file(const std::filesystem::path& path);

// The file as one decimal number.
std::optional<std::int64_t> read_system_number(const std::filesystem::path& path);

// The file as a name for people and reports: one line, without what a terminal would obey (plain_text.hpp). Absent if
// it is empty or longer than any name.
std::optional<std::string> read_system_name(const std::filesystem::path& path);
std::optional<std::string> believable_name(std::string_view text);

// `text` as a decimal number up to its end or the first white space; absent if it is not one.
std::optional<std::int64_t> parse_number(std::string_view text);

// The same, absent if it is outside of what can be true.
struct number_range {
  std::int64_t least;
  std::int64_t most;
};
std::optional<std::int64_t> parse_number(std::string_view text, number_range believable);

// More memory, in KiB, than any machine has: 4 PiB, what 52 bits of physical address reach.
inline constexpr std::int64_t memory_most_kib = std::int64_t{1} << 42;

// Of lines "key<white space>:<white space>value", as /proc/cpuinfo and /proc/meminfo have them, the
// first value of `key`.
std::optional<std::string> value_of(std::string_view text, std::string_view key);

// The fields of a line, separated by white space.
std::vector<std::string_view> split_fields(std::string_view line);

// The number of CPUs in a list such as "0-3,8,10-11" (/sys/devices/system/cpu/online). Absent if it
// is not a list, or one of more CPUs than a machine can have.
std::optional<unsigned> count_cpu_list(std::string_view list);

// The number of CPUs in a mask such as "00000000,0000000f" (shared_cpu_map). Absent if it is not a
// mask, or one of more CPUs than a machine can have.
std::optional<unsigned> count_cpu_mask(std::string_view mask);

}  // namespace waitwork
