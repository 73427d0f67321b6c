// SPDX-License-Identifier: Apache-2.0
#pragma once
// The command line of waitwork, as values.
//
// Subcommands run (also when none is given), list, doctor. What a user did not say stays empty
// here: the runner fills it from the suite, or, when it resumes, from the journal. Everything that
// is wrong with a command line is found here, before anything is measured, and thrown as a
// usage_error of one line.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <harness/command/google_benchmark_flags.hpp>

namespace waitwork::bench {

inline constexpr const char* default_report = "waitwork-report.json";
inline constexpr double default_timeout_s = 60;

// Which rows: shared by run and list.
struct selection {
  std::optional<std::string> suite;   // a suite_kind's name
  std::optional<std::string> filter;  // a valid regular expression, or one behind a '-'
};

struct run_options {
  selection rows;
  std::optional<unsigned> rounds;
  std::optional<double> min_time_s;
  std::optional<std::uint64_t> seed;
  double timeout_s = default_timeout_s;
  std::filesystem::path report;              // where the report goes, in full, with its journal beside it
  bool report_is_google_benchmarks = false;  // `report` is --benchmark_out's file: its options shape it
  bool resume = false;
  bool loop_stats = false;           // what each loop counted: a block in every row, and printed below the table
  std::filesystem::path work_place;  // the directory in which the work directory is made
  google_benchmark_flags google_benchmark;
};

struct list_options {
  selection rows;
  bool json = false;
};

struct doctor_options {
  bool json = false;
  std::filesystem::path work_place;
};

// A measuring process, started by the runner and by nobody else: "--waitwork-child <request>".
struct child_request {
  std::string request;
};

// --help and --version: print it and be done.
struct print_text {
  std::string text;
};

using command = std::variant<run_options, list_options, doctor_options, child_request, print_text>;

// `arguments` without the program's name.
command parse_command_line(const std::vector<std::string>& arguments);

}  // namespace waitwork::bench
