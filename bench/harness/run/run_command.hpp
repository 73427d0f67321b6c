// SPDX-License-Identifier: Apache-2.0
#pragma once
// run_command: `waitwork run`, from the options to the exit code.
//
//   what to measure  ->  can the results be kept?  ->  measure, journal  ->  report  ->  output
//
// Everything that a user can have got wrong is found before the first measurement.

#include <string>

#include <harness/command/command_line.hpp>
#include <harness/words/exit_code.hpp>

namespace waitwork::bench {

// `program` is what the user called us. Throws usage_error for what is wrong with the request,
// environment_error if the machine ends the run half-way (no space for the journal); what was
// measured until then is in the journal.
exit_code run(const run_options& options, const std::string& program);

}  // namespace waitwork::bench
