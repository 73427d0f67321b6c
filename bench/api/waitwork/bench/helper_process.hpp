// SPDX-License-Identifier: Apache-2.0
#pragma once
// helper_process: processes that a workload starts from this same binary, such as the server that it talks to.
//
// A workload registers what its helper does under a flag and starts own_program() with it; main() hands over. So the
// harness needs to know no workload, and a workload needs no second binary.

#include <optional>
#include <string_view>

namespace waitwork::bench {

// Makes `waitwork <flag> <argument>` call run(argument) and exit with its result. `flag` starts with "--waitwork-".
// At program start only; returns true, to initialise a constant.
bool register_helper_process(std::string_view flag, int (*run)(std::string_view argument));

// The result of the helper that the command line asks for; nothing if it asks for none.
std::optional<int> run_helper_process(int argc, char** argv);

}  // namespace waitwork::bench
