// SPDX-License-Identifier: Apache-2.0
#pragma once
// child: the measuring process. One row, once; then it is gone, and with it its caches, arenas, rings and leaks.
//
// The request comes as a JSON argument, the one answer goes to descriptor 3 as JSON:
//   {"result": {...}}                               a row of the report, as far as the child knows it
//   {"failure": {"reason": ..., "detail": ...}}     "wrong_answer" or "failed"
//   {"absent": {"cause": ..., "remedy": ...}}       this machine cannot do it
// No answer at all is a crash, and the runner's to tell.

#include <string_view>

#include <harness/process/child_process.hpp>

namespace waitwork::bench {

// Measures what `request_json` asks for. Returns the process's exit code: 0 if an answer was written.
int run_child(std::string_view request_json);

}  // namespace waitwork::bench
