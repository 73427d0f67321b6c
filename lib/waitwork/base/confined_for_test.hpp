// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests: a process of its own for what lowers limits or forbids system calls, which nobody can take back.

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <fstream>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace waitwork {

// Runs `work` in a child and gives what it returned. What goes wrong there is in the text: "thrown: ...", or that the
// child died. Not from a process that has threads which the work needs.
inline std::string in_child(const std::function<std::string()>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    ::alarm(60);
    std::string said;
    try {
      said = work();
    } catch (const std::exception& error) {
      said = std::string("thrown: ") + error.what();
    }
    const ssize_t written = ::write(ends[1], said.data(), said.size());
    ::_exit(written == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string said;
  std::array<char, 4096> buffer;
  for (ssize_t count; (count = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
    said.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  const bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return well ? said : said + " (the child died, status " + std::to_string(status) + ")";
}

inline void set_limit(decltype(RLIMIT_NOFILE) resource, rlim_t most) {
  rlimit limit{};
  ::getrlimit(resource, &limit);
  limit.rlim_cur = most;
  if (::setrlimit(resource, &limit) != 0) throw std::runtime_error("cannot set a limit");
}

// A user without privileges who has no other process: root is above the limits that are counted for a user. False if
// that cannot be had, because this is somebody else already.
inline bool become_nobody_else() {
  const auto id = static_cast<uid_t>(100'000 + ::getpid());
  return ::geteuid() == 0 && ::setresuid(id, id, id) == 0;
}

// Leaves this process `more` bytes of address space (RLIMIT_AS) or of memory that it may write to (RLIMIT_DATA).
inline void leave_memory(decltype(RLIMIT_AS) resource, rlim_t more) {
  std::size_t all_pages = 0, resident = 0, shared = 0, text = 0, library = 0, data_pages = 0;
  std::ifstream("/proc/self/statm") >> all_pages >> resident >> shared >> text >> library >> data_pages;
  const std::size_t pages = resource == RLIMIT_AS ? all_pages : data_pages;
  set_limit(resource, pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + more);
}

// The system call fails with `error` from now on, whatever its arguments or only with this second one.
inline void forbid(long system_call, int error, std::optional<unsigned> second_argument = std::nullopt) {
  std::vector<sock_filter> filter{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(system_call), 0,
               static_cast<unsigned char>(second_argument ? 3 : 1)),
  };
  if (second_argument) {
    filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])));
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, *second_argument, 0, 1));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)));
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    throw std::runtime_error("seccomp filters cannot be installed here");
  }
}

}  // namespace waitwork
