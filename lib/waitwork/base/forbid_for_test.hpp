// SPDX-License-Identifier: Apache-2.0
#pragma once
// forbid_for_test: a seccomp filter on one system call, as the profiles of containers and services
// have.

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace waitwork {

// From now on `call` (SYS_...) has this answer in this process: SECCOMP_RET_ERRNO | EPERM,
// SECCOMP_RET_KILL_PROCESS. There is no way back, so this is for a process of the test's own. False
// where filters cannot be installed.
inline bool forbid(unsigned call, unsigned answer) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, answer),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{4, program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace waitwork
