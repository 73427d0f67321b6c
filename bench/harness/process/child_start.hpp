// SPDX-License-Identifier: Apache-2.0
#pragma once
// child_start: the birth of a measuring process, with everything that it has from us set and
// nothing left to chance.
//
// fork and exec, because posix_spawn can neither tie a child's life to its parent's nor set its
// limits. Each call that a sandbox may refuse and that is convenience has another way:
// close_range(2) a walk over the descriptors, and PR_SET_PDEATHSIG a pipe whose end kills.

#include <sys/types.h>

#include <string>
#include <vector>

namespace waitwork::bench {

// Descriptors from here on have no meaning in a child: what is to become one that has lies above,
// so that no dup2(2) overwrites another.
inline constexpr int lowest_free_descriptor = 10;

struct child_birth {
  std::string executable;              // path, handed to execve as it is
  std::vector<std::string> arguments;  // without the program's name
  int answer = -1;                     // becomes the child's descriptor 3; not below lowest_free_descriptor
  int errors = -1;                     // becomes its descriptor 2; likewise
};

// Starts a child as run_child_process() promises it. Throws environment_error if there can be no
// process; a program that cannot be started says so on `errors` and exits with 127.
pid_t start_child(const child_birth& wanted);

}  // namespace waitwork::bench
