#pragma once
// Values of flags. Each function throws usage_error naming the flag, the value and the nearest
// value that would do.

#include <cstdint>
#include <regex>
#include <span>
#include <string>
#include <string_view>

namespace waitwork::bench {

// A whole number in [least, most].
std::uint64_t parse_integer(std::string_view flag, std::string_view text, std::uint64_t least,
                            std::uint64_t most);

// A finite number of seconds, at least `least`, at most a day; a trailing "s" is allowed.
double parse_seconds(std::string_view flag, std::string_view text, double least);

// One of `valid`.
std::string parse_word(std::string_view flag, std::string_view text,
                       std::span<const std::string> valid);

// A regular expression (ECMAScript, as Google Benchmark's). Not one: the nearest is the text itself
// with its special characters escaped.
std::regex parse_regex(std::string_view flag, std::string_view text);

}  // namespace waitwork::bench
