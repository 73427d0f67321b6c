// SPDX-License-Identifier: Apache-2.0
#pragma once
// benchmark_environment: the variables BENCHMARK_*, taken out of the environment before Google Benchmark reads them.
//
// The library reads them in its static constructors, which run before main, and prints a line of its own about a value
// that it does not like, before ours and in other words. Functions in .preinit_array run before the constructors of any
// library (System V ABI, "Initialization and Termination Functions"). Measuring processes are started with the
// environment as it is then, and so without these variables.

#include <optional>
#include <string>
#include <string_view>

namespace waitwork::bench {

// The value of a variable as the process was started with it, or else as it stands in the environment now.
std::optional<std::string> benchmark_variable(std::string_view name);

}  // namespace waitwork::bench
