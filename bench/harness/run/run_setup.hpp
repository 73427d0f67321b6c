// SPDX-License-Identifier: Apache-2.0
#pragma once
// run_setup: what a run measures, decided from the command line, the suite's defaults and, with
// --resume, a journal.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <harness/command/command_line.hpp>
#include <harness/record/journal.hpp>
#include <harness/suite/registry.hpp>

namespace waitwork::bench {

struct run_setup {
  run_configuration configuration;
  std::vector<row> rows;               // none: the filter matches nothing
  std::filesystem::path journal_file;  // beside the report; "" if the report is no file that one could stand beside
  std::optional<journal> prior;        // to go on with: open, and locked since before it was read
  bool already_complete = false;       // there is nothing left to resume
};

// Throws usage_error if the journal to resume is of another run, or there is a partial report but
// no journal; environment_error if one of them cannot be read.
run_setup set_up(const run_options& options);

// The name of the journal of a run that writes this report.
std::filesystem::path journal_beside(const std::filesystem::path& report);

// Digest of the rows' names, in their order.
std::string digest_of(const std::vector<row>& rows);

}  // namespace waitwork::bench
