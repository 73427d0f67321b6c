// SPDX-License-Identifier: Apache-2.0
#pragma once
// console_output: a report in one of Google Benchmark's three formats, for standard output and for
// --benchmark_out.
//
// The table is drawn by Google Benchmark's own reporter, fed with what the children measured; it
// shows the few counters that a person compares, since all of them would not fit a line. The JSON
// is the report itself with the aggregates added. The CSV has Google Benchmark's columns but is
// written here: its own writer, deprecated there, stops the program when two rows do not have the
// same counters.

#include <string>

#include <waitwork/report/model.hpp>

#include <harness/words/output_format.hpp>

namespace waitwork::bench {

struct output_options {
  output_format format = output_format::console;
  bool aggregates_only = false;   // leave single rounds out where there are aggregates
  bool colour = false;            // console only
  bool tabular_counters = false;  // console only
  bool loop_stats = false;        // console only: a paragraph for each row that has the block, below the table
  std::string time_unit = "ns";   // ns, us, ms or s
};

// Rows in the order of `finished.declared`; of each its rounds, then its aggregates. Failures are
// rows with an error in console and CSV; in JSON they are where the report has them.
std::string output_text(const report& finished, const output_options& options);

}  // namespace waitwork::bench
