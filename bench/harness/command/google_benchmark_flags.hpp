// SPDX-License-Identifier: Apache-2.0
#pragma once
// Google Benchmark's own flags and environment variables, with the meaning they have there.
//
// Parsed here because benchmark::Initialize() keeps the values to itself, answers --help on its own
// and exits; and because in this program each measurement is another process, so that most of them
// steer the runner. Written after release 1.7.1, with what later ones added that concerns us: a number of
// iterations in the place of a time (1.8) and dry runs (1.9). As there: a value follows '=', a flag that is on
// or off may stand alone, and a value given on the command line beats the environment variable of
// the same name in capitals.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <harness/words/output_format.hpp>

namespace waitwork::bench {

struct google_benchmark_flags {
  bool list_tests = false;
  std::optional<std::string> filter;  // a leading '-' means: all but these
  std::optional<double> min_time_s;
  std::uint64_t iterations = 0;  // exactly so many units in each measurement; 0: as many as the time takes
  bool dry_run = false;          // then `iterations` is 1, and one round is enough
  double min_warmup_time_s = 0;
  std::optional<unsigned> repetitions;            // our rounds
  bool enable_random_interleaving = true;         // rows are always shuffled; accepted and without effect
  bool report_aggregates_only = false;            // on standard output and in `out`
  bool display_aggregates_only = false;           // on standard output
  output_format format = output_format::console;  // of standard output
  std::string out;                                // "" for no file
  output_format out_format = output_format::json;
  std::string color = "auto";  // "auto", "yes" or "no"
  bool counters_tabular = false;
  std::string perf_counters;                   // comma-separated
  std::map<std::string, std::string> context;  // added to the report's context
  std::string time_unit = "ns";                // of standard output and `out`: ns, us, ms or s
  int verbosity = 0;                           // --v
};

// Whether an argument is for this parser: --benchmark_... or --v=...
bool is_google_benchmark_flag(std::string_view argument);

// Reads BENCHMARK_* from the environment, then `arguments`, each a flag by the test above. Throws
// usage_error for an unknown flag or a malformed value.
google_benchmark_flags parse_google_benchmark_flags(const std::vector<std::string>& arguments);

// "--benchmark_filter=<regex>" and so on, one a line with what it means, for --help.
std::string google_benchmark_help();

// The same without values, as candidates for suggestions.
std::vector<std::string> google_benchmark_flag_names();

}  // namespace waitwork::bench
