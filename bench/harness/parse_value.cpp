#include <harness/parse_value.hpp>

#include <charconv>
#include <cmath>
#include <sstream>
#include <system_error>

#include <harness/suggestion.hpp>
#include <harness/usage_error.hpp>

namespace waitwork::bench {
namespace {

constexpr double seconds_in_a_day = 86'400;

[[noreturn]] void refuse(std::string_view flag, std::string_view text, const std::string& expected,
                         const std::string& nearest) {
  throw usage_error(std::string(flag) + ": '" + std::string(text) + "' is not " + expected +
                    "; nearest valid: " + nearest);
}

std::string shortest(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

std::string escaped(std::string_view text) {
  std::string literal;
  for (const char character : text) {
    if (std::string_view("\\^$.|?*+()[]{}").find(character) != std::string_view::npos)
      literal += '\\';
    literal += character;
  }
  return literal;
}

}  // namespace

std::uint64_t parse_integer(std::string_view flag, std::string_view text, std::uint64_t least,
                            std::uint64_t most) {
  const char* const end = text.data() + text.size();
  std::uint64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && rest == end && value >= least && value <= most) return value;
  // What was read before the first wrong character is the nearest guess, brought into the range.
  if (error == std::errc::result_out_of_range) value = most;
  if (error == std::errc::invalid_argument || value < least) value = least;
  if (value > most) value = most;
  refuse(flag, text, "a whole number from " + std::to_string(least) + " to " + std::to_string(most),
         std::to_string(value));
}

double parse_seconds(std::string_view flag, std::string_view text, double least) {
  std::string_view number = text;
  if (number.ends_with('s')) number.remove_suffix(1);
  const char* const end = number.data() + number.size();
  double value = 0;
  const auto [rest, error] = std::from_chars(number.data(), end, value);
  const bool is_number = error == std::errc() && std::isfinite(value);
  if (is_number && rest == end && value >= least && value <= seconds_in_a_day) return value;
  if (!is_number) value = 1;
  if (value < least) value = least;
  if (value > seconds_in_a_day) value = seconds_in_a_day;
  refuse(flag, text,
         "a number of seconds from " + shortest(least) + " to " + shortest(seconds_in_a_day),
         shortest(value));
}

std::string parse_word(std::string_view flag, std::string_view text,
                       std::span<const std::string> valid) {
  std::string all;
  for (const std::string& word : valid) {
    if (word == text) return word;
    all += (all.empty() ? "" : ", ") + word;
  }
  refuse(flag, text, "one of " + all, nearest_word(text, valid));
}

std::regex parse_regex(std::string_view flag, std::string_view text) {
  try {
    return std::regex(std::string(text), std::regex_constants::nosubs);
  } catch (const std::regex_error& error) {
    refuse(flag, text, std::string("a regular expression (") + error.what() + ")",
           "'" + escaped(text) + "'");
  }
}

}  // namespace waitwork::bench
