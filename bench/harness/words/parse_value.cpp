// SPDX-License-Identifier: Apache-2.0
#include <harness/words/parse_value.hpp>

#include <charconv>
#include <cmath>
#include <sstream>
#include <system_error>

#include <harness/words/suggestion.hpp>
#include <harness/words/usage_error.hpp>

namespace waitwork::bench {
namespace {

std::string shortest(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

}  // namespace

std::string shortened(std::string_view text) {
  constexpr std::size_t most_shown = 100;
  if (text.size() <= most_shown) return std::string(text);
  return std::string(text.substr(0, most_shown)) + "... (" + std::to_string(text.size()) + " bytes)";
}

void refuse_value(std::string_view flag, std::string_view text, const std::string& expected,
                  const std::string& nearest) {
  throw usage_error(std::string(flag) + ": '" + shortened(text) + "' is not " + expected +
                    "; nearest valid: " + shortened(nearest));
}

std::uint64_t parse_integer(std::string_view flag, std::string_view text, std::uint64_t least, std::uint64_t most) {
  const char* const end = text.data() + text.size();
  std::uint64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && rest == end && value >= least && value <= most) return value;
  // What was read before the first wrong character is the nearest guess, brought into the range.
  if (error == std::errc::result_out_of_range) value = most;
  if (error == std::errc::invalid_argument || value < least) value = least;
  if (value > most) value = most;
  refuse_value(flag, text, "a whole number from " + std::to_string(least) + " to " + std::to_string(most),
               std::to_string(value));
}

double parse_seconds(std::string_view flag, std::string_view text, double least) {
  std::string_view number = text;
  if (number.ends_with('s')) number.remove_suffix(1);
  const char* const end = number.data() + number.size();
  double value = 0;
  const auto [rest, error] = std::from_chars(number.data(), end, value);
  const bool is_number = error == std::errc() && std::isfinite(value);
  if (is_number && rest == end && value >= least && value <= longest_seconds) return value;
  if (!is_number) value = 1;
  if (value < least) value = least;
  if (value > longest_seconds) value = longest_seconds;
  refuse_value(flag, text, "a number of seconds from " + shortest(least) + " to " + shortest(longest_seconds),
               shortest(value));
}

std::string parse_word(std::string_view flag, std::string_view text, std::span<const std::string> valid) {
  std::string all;
  for (const std::string& word : valid) {
    if (word == text) return word;
    all += (all.empty() ? "" : ", ") + word;
  }
  refuse_value(flag, text, "one of " + all, nearest_word(text, valid));
}

}  // namespace waitwork::bench
