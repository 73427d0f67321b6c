// SPDX-License-Identifier: Apache-2.0
#pragma once
// Values of flags. Each function throws usage_error naming the flag, the value and the nearest
// value that would do.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace waitwork::bench {

inline constexpr double longest_seconds = 86'400;  // of anything that is given in seconds: a day

// A whole number in [least, most].
std::uint64_t parse_integer(std::string_view flag, std::string_view text, std::uint64_t least, std::uint64_t most);

// A finite number of seconds, at least `least`, at most a day; a trailing "s" is allowed.
double parse_seconds(std::string_view flag, std::string_view text, double least);

// One of `valid`.
std::string parse_word(std::string_view flag, std::string_view text, std::span<const std::string> valid);

// The start of a text that is too long to be repeated in a sentence, with its length; a shorter one as it is.
std::string shortened(std::string_view text);

// What all of these throw: "<flag>: '<text>' is not <expected>; nearest valid: <nearest>", with long texts cut.
[[noreturn]] void refuse_value(std::string_view flag, std::string_view text, const std::string& expected,
                               const std::string& nearest);

}  // namespace waitwork::bench
