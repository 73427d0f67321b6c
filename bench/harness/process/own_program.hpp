// SPDX-License-Identifier: Apache-2.0
#pragma once
// own_program: how this program starts itself again, for a measurement or for a workload's server.

#include <string>

namespace waitwork::bench {

// A path for execv(2). /proc/self/exe, which is this very file even after another was put in its
// place; where /proc is not mounted, the path by which the program was started, made absolute
// against the directory in which it was.
const std::string& own_program();

}  // namespace waitwork::bench
