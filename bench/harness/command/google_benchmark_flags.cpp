// SPDX-License-Identifier: Apache-2.0
#include <harness/command/google_benchmark_flags.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <ranges>

#include <harness/command/benchmark_environment.hpp>
#include <harness/suite/run_configuration.hpp>
#include <harness/words/parse_value.hpp>
#include <harness/words/suggestion.hpp>
#include <harness/words/usage_error.hpp>

namespace waitwork::bench {
namespace {

using flags = google_benchmark_flags;
using words = std::vector<std::string>;

constexpr std::uint64_t most_counted_iterations = 1'000'000'000;  // as Google Benchmark's own limit

// 1.7.1's reading of "on": a single letter or digit but 0, f, n; a longer word but false, no, off;
// nothing at all.
bool is_truthy(std::string_view text) {
  std::string lower;
  for (const char character : text) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(character)));
  constexpr std::array<std::string_view, 6> falsehoods = {"0", "f", "n", "false", "no", "off"};
  return std::ranges::find(falsehoods, lower) == falsehoods.end();
}

output_format parse_format(std::string_view flag, std::string_view text) {
  const std::string word = parse_word(flag, text, words{"console", "json", "csv"});
  if (word == "json") return output_format::json;
  return word == "csv" ? output_format::csv : output_format::console;
}

std::string parse_color(std::string_view flag, std::string_view text) {
  if (text == "auto") return "auto";
  const std::string word = parse_word(flag, text, words{"auto", "true", "false", "yes", "no", "on", "off", "1", "0"});
  return is_truthy(word) ? "yes" : "no";
}

std::map<std::string, std::string> parse_pairs(std::string_view flag, std::string_view text) {
  std::map<std::string, std::string> pairs;
  for (const auto part : std::views::split(text, ',')) {
    const std::string_view pair(part.begin(), part.end());
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      throw usage_error(std::string(flag) + ": '" + shortened(pair) +
                        "' is not <key>=<value>; nearest valid: " + shortened(pair) + "=");
    }
    pairs[std::string(pair.substr(0, equals))] = pair.substr(equals + 1);
  }
  return pairs;
}

// "0.5", "0.5s", or since 1.8 "200x": that many iterations, whatever they take.
void read_min_time(flags& all, std::string_view flag, std::string_view text) {
  if (!text.ends_with('x')) {
    all.min_time_s = parse_seconds(flag, text, 0);
    all.iterations = 0;
    return;
  }
  all.iterations = parse_integer(flag, text.substr(0, text.size() - 1), 1, most_counted_iterations);
  all.min_time_s.reset();
}

// How a value reaches its field. `flag` is how the user wrote it: the flag, or the environment
// variable.
using setter = void (*)(flags& all, std::string_view flag, std::string_view text);

struct definition {
  std::string_view name;   // without the leading dashes
  std::string_view value;  // "" for a flag that is on or off
  std::string_view meaning;
  setter set;
};

constexpr std::array definitions = {
    definition{"benchmark_list_tests", "", "print the rows' names and end",
               [](flags& all, std::string_view, std::string_view text) { all.list_tests = is_truthy(text); }},
    definition{"benchmark_filter", "<regex>", "as --filter; a leading '-' leaves out what matches",
               [](flags& all, std::string_view, std::string_view text) { all.filter = text; }},
    definition{"benchmark_min_time", "<seconds>",
               "measure a row at least this long in each round; <n>x: exactly n units",
               [](flags& all, std::string_view flag, std::string_view text) { read_min_time(all, flag, text); }},
    definition{"benchmark_min_warmup_time", "<seconds>", "and before that run it this long",
               [](flags& all, std::string_view flag, std::string_view text) {
                 all.min_warmup_time_s = parse_seconds(flag, text, 0);
               }},
    definition{"benchmark_dry_run", "", "one unit of each row in one round: does it work at all? (of release 1.9)",
               [](flags& all, std::string_view, std::string_view text) { all.dry_run = is_truthy(text); }},
    definition{"benchmark_repetitions", "<n>", "as --rounds",
               [](flags& all, std::string_view flag, std::string_view text) {
                 all.repetitions = static_cast<unsigned>(parse_integer(flag, text, 1, most_rounds));
               }},
    definition{"benchmark_enable_random_interleaving", "", "always so here",
               [](flags&, std::string_view, std::string_view) {}},
    definition{
        "benchmark_report_aggregates_only", "", "leave single rounds out of the output and of --benchmark_out",
        [](flags& all, std::string_view, std::string_view text) { all.report_aggregates_only = is_truthy(text); }},
    definition{
        "benchmark_display_aggregates_only", "", "leave single rounds out of the output",
        [](flags& all, std::string_view, std::string_view text) { all.display_aggregates_only = is_truthy(text); }},
    definition{"benchmark_format", "<console|json|csv>", "form of the standard output",
               [](flags& all, std::string_view flag, std::string_view text) { all.format = parse_format(flag, text); }},
    definition{"benchmark_out", "<file>", "also write the results, with means over rounds, to this file",
               [](flags& all, std::string_view, std::string_view text) { all.out = text; }},
    definition{
        "benchmark_out_format", "<json|console|csv>", "form of that file",
        [](flags& all, std::string_view flag, std::string_view text) { all.out_format = parse_format(flag, text); }},
    definition{"benchmark_color", "<auto|true|false>", "colour in the table",
               [](flags& all, std::string_view flag, std::string_view text) { all.color = parse_color(flag, text); }},
    definition{"benchmark_counters_tabular", "", "counters in columns of the table",
               [](flags& all, std::string_view, std::string_view text) { all.counters_tabular = is_truthy(text); }},
    definition{"benchmark_perf_counters", "<name,...>", "hardware counters to read",
               [](flags& all, std::string_view flag, std::string_view text) {
                 if (!are_perf_counters(text))
                   refuse_value(flag, text, "a list of at most three counters", "CYCLES,INSTRUCTIONS");
                 all.perf_counters = text;
               }},
    definition{"benchmark_context", "<key>=<value>,...", "added to the report's context",
               [](flags& all, std::string_view flag, std::string_view text) { all.context = parse_pairs(flag, text); }},
    definition{"benchmark_time_unit", "<ns|us|ms|s>", "of the output and of --benchmark_out",
               [](flags& all, std::string_view flag, std::string_view text) {
                 all.time_unit = parse_word(flag, text, words{"ns", "us", "ms", "s"});
               }},
    definition{"v", "<level>", "how much the measuring processes say",
               [](flags& all, std::string_view flag, std::string_view text) {
                 all.verbosity = static_cast<int>(parse_integer(flag, text, 0, 100));
               }},
};

std::string dashed(const definition& known) { return "--" + std::string(known.name); }

std::string usage(const definition& known) {
  return dashed(known) + (known.value.empty() ? "[=true|false]" : "=" + std::string(known.value));
}

std::string environment_name(const definition& known) {
  std::string name;
  for (const char character : known.name) {
    name += static_cast<char>(std::toupper(static_cast<unsigned char>(character)));
  }
  return name;
}

void read_environment(flags& all) {
  for (const definition& known : definitions) {
    if (!known.name.starts_with("benchmark_")) continue;  // a variable named V could be anyone's
    const std::string name = environment_name(known);
    const std::optional<std::string> text = benchmark_variable(name);
    if (text && (!text->empty() || known.value.empty())) known.set(all, name, *text);
  }
}

void read_argument(flags& all, std::string_view argument) {
  const std::size_t equals = argument.find('=');
  const std::string_view flag = argument.substr(0, equals);
  const auto known = std::ranges::find(definitions, flag, dashed);
  if (known == definitions.end()) {
    throw usage_error(
        "unknown flag '" + shortened(flag) +
        "' (known are those of Google Benchmark 1.7.1, and of later ones what --help lists); nearest valid: " +
        nearest_word(flag, google_benchmark_flag_names()));
  }
  const bool has_value = equals != std::string_view::npos;
  if (!has_value && !known->value.empty()) {
    throw usage_error(std::string(flag) + " needs a value; nearest valid: " + usage(*known));
  }
  known->set(all, flag, has_value ? argument.substr(equals + 1) : "");
}

}  // namespace

bool is_google_benchmark_flag(std::string_view argument) {
  return argument.starts_with("--benchmark_") || argument == "--v" || argument.starts_with("--v=");
}

google_benchmark_flags parse_google_benchmark_flags(const std::vector<std::string>& arguments) {
  google_benchmark_flags all;
  read_environment(all);
  for (const std::string& argument : arguments) read_argument(all, argument);
  if (all.dry_run) all.iterations = 1;
  return all;
}

std::string google_benchmark_help() {
  std::string text = "Google Benchmark's flags (or the environment variable of the same name in capitals):\n";
  for (const definition& known : definitions) {
    const std::string left = "  " + usage(known);
    text += left + (left.size() < 56 ? std::string(56 - left.size(), ' ') : "  ") + std::string(known.meaning) + "\n";
  }
  return text;
}

std::vector<std::string> google_benchmark_flag_names() {
  std::vector<std::string> names;
  for (const definition& known : definitions) names.push_back(dashed(known));
  return names;
}

}  // namespace waitwork::bench
