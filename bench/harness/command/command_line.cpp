// SPDX-License-Identifier: Apache-2.0
#include <harness/command/command_line.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include <waitwork/measure/build_info.hpp>

#include <harness/command/default_work_place.hpp>
#include <harness/suite/row_filter.hpp>
#include <harness/suite/run_configuration.hpp>
#include <harness/words/parse_value.hpp>
#include <harness/words/suggestion.hpp>
#include <harness/words/usage_error.hpp>

namespace waitwork::bench {
namespace {

using words = std::vector<std::string>;

const words subcommands = {"run", "list", "doctor"};
const std::map<std::string, std::string> purposes = {
    {"run", "Measures every row of a suite in rounds of fresh processes and writes a report."},
    {"list", "The rows that a run would measure."},
    {"doctor", "What this machine allows, what disturbs a measurement, and what to do about it."}};
const words suites = {"smoke", "quick", "full", "peers"};

constexpr std::string_view exit_codes =
    "Exit codes: 0 done; 2 usage; 3 a row failed, crashed or timed out, or the filter matched "
    "nothing;\n"
    "5 this machine cannot measure a row that was asked for; 6 all was done, but the report or what is\n"
    "printed could not be written where it was wanted; 130 interrupted, partial report written.\n";

// The words as CLI11 took them: numbers stay text, so that the sentence about a wrong one is ours.
struct raw_values {
  std::string suite, filter, rounds, timeout, seed, out, work_place;
  bool resume = false, json = false, loop_stats = false;
};

void add_selection(CLI::App& app, raw_values& raw) {
  app.add_option("--suite", raw.suite,
                 "smoke (seconds), quick (minutes, the default), full, or peers (this runtime beside "
                 "others)")
      ->option_text("NAME");
  app.add_option("--filter", raw.filter, "only rows whose name it matches; a leading '-' leaves those out")
      ->option_text("REGEX");
}

void add_run_options(CLI::App& app, raw_values& raw) {
  add_selection(app, raw);
  app.add_option("--rounds", raw.rounds,
                 "measure every row this often, in fresh processes (smoke 1, quick 5, full and peers 10)")
      ->option_text("N");
  app.add_option("--timeout", raw.timeout, "kill a row that takes longer (60)")->option_text("SECONDS");
  app.add_option("--seed", raw.seed, "of the row order and of the data (a new one each run)")->option_text("N");
  app.add_option(
         "--out", raw.out,
         std::string("the report (") + default_report + "), - for standard output; a journal is kept beside a file")
      ->option_text("FILE");
  app.add_flag("--loop-stats", raw.loop_stats,
               "also what the loops counted: enters, batches, queues, wakes, for each row and loop");
  app.add_flag("--resume", raw.resume, "go on with the run that FILE's journal is of");
  app.add_option("--work-dir", raw.work_place, "where workloads keep their files ($TMPDIR or /var/tmp)")
      ->option_text("DIR");
}

void add_doctor_options(CLI::App& app, raw_values& raw) {
  app.add_flag("--json", raw.json, "for programs");
  app.add_option("--work-dir", raw.work_place, "the place to look at ($TMPDIR or /var/tmp)")->option_text("DIR");
}

void add_list_options(CLI::App& app, raw_values& raw) {
  add_selection(app, raw);
  app.add_flag("--json", raw.json, "for programs");
}

std::unique_ptr<CLI::App> make_app(const std::string& subcommand, raw_values& raw) {
  const bool runs = subcommand == "run";
  auto app = std::make_unique<CLI::App>(purposes.at(subcommand), "waitwork " + subcommand);
  if (runs) add_run_options(*app, raw);
  if (subcommand == "list") add_list_options(*app, raw);
  if (subcommand == "doctor") add_doctor_options(*app, raw);
  // The last one counts, so that a script's defaults can be overridden by the arguments that it
  // passes on.
  for (CLI::Option* const option : app->get_options()) {
    if (!option->get_option_text().empty()) option->take_last();
  }
  if (runs) app->footer(google_benchmark_help() + "\n" + std::string(exit_codes));
  app->allow_extras();
  return app;
}

std::string general_help() {
  return "Does this work wait, or does it compute? Measures workloads sequential, concurrent, "
         "parallel and both.\n\n"
         "Usage: waitwork [run] [options]   measure a suite and write a report\n"
         "       waitwork list [options]    the rows that a run would measure\n"
         "       waitwork doctor [options]  what this machine allows and what will disturb a "
         "measurement\n"
         "       waitwork --version\n"
         "Each has --help.\n\n" +
         std::string(exit_codes) + "\n";
}

words flags_of(const CLI::App& app, bool runs) {
  words names = runs ? google_benchmark_flag_names() : words();
  for (const CLI::Option* const option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

[[noreturn]] void refuse_unknown(const std::string& argument, const words& flags) {
  if (!argument.starts_with('-')) {
    throw usage_error("unexpected argument '" + shortened(argument) +
                      "'; nearest valid: " + nearest_word("--" + argument, flags));
  }
  const std::string flag = argument.substr(0, argument.find('='));
  throw usage_error("unknown flag '" + shortened(flag) + "'; nearest valid: " + nearest_word(flag, flags));
}

// A known flag without its value, or with one that it does not take. CLI11's sentence names it;
// ours says how to write it.
[[noreturn]] void refuse_use(const CLI::App& app, const std::string& sentence) {
  for (const CLI::Option* const option : app.get_options()) {
    const std::string flag = "--" + option->get_single_name();
    const std::size_t found = sentence.find(flag);
    if (found == std::string::npos || sentence.find_first_of(" :=", found) != found + flag.size()) continue;
    const std::string value = option->get_option_text();
    throw usage_error(flag + (value.empty() ? " takes no value" : " needs a value") + "; nearest valid: " + flag +
                      (value.empty() ? "" : "=" + value));
  }
  throw usage_error(sentence);
}

// CLI11 wants the arguments reversed, as a stack.
void parse_into(CLI::App& app, words arguments, bool runs) {
  std::ranges::reverse(arguments);
  try {
    app.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    throw;
  } catch (const CLI::ParseError& error) {
    refuse_use(app, error.what());
  }
  const words left = app.remaining();
  if (!left.empty()) refuse_unknown(left.front(), flags_of(app, runs));
}

bool given(const CLI::App& app, const std::string& option) { return app.count(option) > 0; }

selection select(const CLI::App& app, const raw_values& raw) {
  selection chosen;
  if (given(app, "--suite")) chosen.suite = parse_word("--suite", raw.suite, suites);
  if (given(app, "--filter")) {
    row_filter("--filter", raw.filter);
    chosen.filter = raw.filter;
  }
  return chosen;
}

std::filesystem::path work_place(const CLI::App& app, const raw_values& raw) {
  if (!given(app, "--work-dir")) return default_work_place();
  if (raw.work_place.empty()) throw usage_error("--work-dir: '' is no directory; nearest valid: --work-dir=.");
  return raw.work_place;
}

// Our flag and Google Benchmark's for the same thing. Ours wins over an environment variable; two
// flags that contradict each other are an error.
template <class Value>
void merge(std::optional<Value>& ours, const std::optional<Value>& theirs, const words& flags,
           const std::string& ours_name, const std::string& theirs_name) {
  const bool both_given =
      std::ranges::any_of(flags, [&](const std::string& flag) { return flag.starts_with(theirs_name + "="); });
  if (ours && theirs && *ours != *theirs && both_given) {
    throw usage_error(theirs_name + " and " + ours_name + " contradict each other; nearest valid: " + ours_name +
                      " alone");
  }
  if (!ours) ours = theirs;
}

run_options run_options_from(const CLI::App& app, const raw_values& raw, const words& benchmark_flags) {
  run_options options;
  options.google_benchmark = parse_google_benchmark_flags(benchmark_flags);
  const google_benchmark_flags& theirs = options.google_benchmark;
  options.rows = select(app, raw);
  if (theirs.filter) row_filter("--benchmark_filter", *theirs.filter);
  if (given(app, "--rounds")) {
    options.rounds = static_cast<unsigned>(parse_integer("--rounds", raw.rounds, 1, most_rounds));
  }
  merge(options.rows.filter, theirs.filter, benchmark_flags, "--filter", "--benchmark_filter");
  merge(options.rounds, theirs.repetitions, benchmark_flags, "--rounds", "--benchmark_repetitions");
  options.min_time_s = theirs.min_time_s;
  if (theirs.dry_run) options.rounds = 1;
  if (given(app, "--timeout")) options.timeout_s = parse_seconds("--timeout", raw.timeout, 0.001);
  if (given(app, "--seed")) {
    options.seed = parse_integer("--seed", raw.seed, 0, std::numeric_limits<std::uint64_t>::max());
  }
  options.report_is_google_benchmarks = !given(app, "--out") && !theirs.out.empty();
  options.report = given(app, "--out") ? raw.out : theirs.out.empty() ? default_report : theirs.out;
  if (options.report.empty())
    throw usage_error(std::string("--out: '' is no file; nearest valid: --out=") + default_report);
  options.resume = raw.resume;
  options.loop_stats = raw.loop_stats;
  options.work_place = work_place(app, raw);
  return options;
}

// Stands for a value that is given and empty: CLI11 takes the next word for the value of "--flag=".
constexpr const char* empty_value = "\x01";

// Each flag that takes a value and its value as one word, "--filter" "-cpu" as "--filter=-cpu": on its own such a value
// would be taken for a flag. A following word that is a flag itself is no value but a sign that the value was
// forgotten; it would otherwise be swallowed, and a run would measure something else without a word.
words with_values_joined(const CLI::App& app, const words& arguments) {
  words joined;
  for (auto word = arguments.begin(); word != arguments.end(); ++word) {
    const std::size_t equals = word->find('=');
    const std::string flag = word->substr(0, equals);
    const CLI::Option* const option = flag.starts_with("--") ? app.get_option_no_throw(flag) : nullptr;
    if (option == nullptr || option->get_option_text().empty()) {  // no flag of ours, or one that takes no value
      joined.push_back(*word);
      continue;
    }
    std::string value = equals == std::string::npos ? "" : word->substr(equals + 1);
    if (equals == std::string::npos) {
      if (word + 1 == arguments.end() || (word + 1)->starts_with("--")) {
        throw usage_error(flag + " needs a value" +
                          (word + 1 == arguments.end() ? "" : ", and '" + shortened(*(word + 1)) + "' is a flag") +
                          "; nearest valid: " + flag + "=" + option->get_option_text());
      }
      value = *++word;
    }
    joined.push_back(flag + "=" + (value.empty() ? empty_value : value));
  }
  return joined;
}

void restore_empty_values(raw_values& raw) {
  for (std::string* const value :
       {&raw.suite, &raw.filter, &raw.rounds, &raw.timeout, &raw.seed, &raw.out, &raw.work_place}) {
    if (*value == empty_value) value->clear();
  }
}

command parse_subcommand(const std::string& subcommand, const words& arguments) {
  const bool runs = subcommand == "run";
  raw_values raw;
  const std::unique_ptr<CLI::App> app = make_app(subcommand, raw);
  words benchmark_flags, ours;
  for (const std::string& argument : with_values_joined(*app, arguments)) {
    (runs && is_google_benchmark_flag(argument) ? benchmark_flags : ours).push_back(argument);
  }
  try {
    parse_into(*app, ours, runs);
  } catch (const CLI::CallForHelp&) {
    return print_text{app->help()};
  }
  restore_empty_values(raw);
  if (subcommand == "list") return list_options{select(*app, raw), raw.json};
  if (subcommand == "doctor") return doctor_options{raw.json, work_place(*app, raw)};
  return run_options_from(*app, raw, benchmark_flags);
}

}  // namespace

command parse_command_line(const words& arguments) {
  if (arguments.empty()) return parse_subcommand("run", {});
  const std::string& first = arguments.front();
  if (first == "--waitwork-child" && arguments.size() == 2) return child_request{arguments[1]};
  if (first == "--version") return print_text{"waitwork " + read_build_info().version + "\n"};
  if (first == "--help" || first == "-h" || first == "help") return print_text{general_help()};
  if (first.starts_with('-')) return parse_subcommand("run", arguments);
  if (std::ranges::find(subcommands, first) == subcommands.end()) {
    throw usage_error("unknown subcommand '" + shortened(first) +
                      "'; nearest valid: " + nearest_word(first, subcommands));
  }
  return parse_subcommand(first, words(arguments.begin() + 1, arguments.end()));
}

}  // namespace waitwork::bench
