// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/ring_refusal.hpp>

#include <signal.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

namespace waitwork {
namespace {

constexpr const char* allow_all_three =
    "start the container or service with a profile that allows io_uring_setup, io_uring_enter and "
    "io_uring_register";

// The value after `key` on its line, or what the file starts with if `key` is empty; -1 if there is
// none.
long read_number(const std::filesystem::path& path, std::string_view key) {
  std::ifstream file(path);
  if (key.empty()) {
    long value = -1;
    return file >> value ? value : -1;
  }
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    try {
      return std::stol(line.substr(key.size()));
    } catch (const std::exception&) {
      return -1;
    }
  }
  return -1;
}

bool under_seccomp(const std::filesystem::path& root) { return read_number(root / "proc/self/status", "Seccomp:") > 0; }

refusal explain_eperm(const std::filesystem::path& root) {
  // 0 everybody, 1 only CAP_SYS_ADMIN and the group kernel.io_uring_group, 2 nobody. Since
  // Linux 6.6, earlier where backported (RHEL 9).
  const long disabled = read_number(root / "proc/sys/kernel/io_uring_disabled", "");
  if (disabled == 2) {
    return {"kernel.io_uring_disabled is 2, which forbids io_uring to every process",
            "as root, run: sysctl kernel.io_uring_disabled=0"};
  }
  // Seccomp decides before the system call is entered, so under a filter it is the likelier of the
  // two.
  if (under_seccomp(root)) {
    std::string cause = "a seccomp filter forbids io_uring_setup (the default profile of container engines does)";
    if (disabled == 1) cause += ", or root and a group alone may use it (kernel.io_uring_disabled is 1)";
    return {std::move(cause), std::string(allow_all_three) + ", or a container with --security-opt seccomp=unconfined"};
  }
  if (disabled == 1) {
    return {
        "kernel.io_uring_disabled is 1, which allows io_uring only to root and to the group "
        "kernel.io_uring_group",
        "run as root, join that group, or run as root: sysctl kernel.io_uring_disabled=0"};
  }
  return {"the kernel or a security module forbids io_uring to this process",
          "see whether a security module (SELinux, AppArmor) or a sandbox confines this process"};
}

refusal explain_enosys(const std::filesystem::path& root) {
  if (under_seccomp(root)) {
    return {"io_uring_setup does not exist here: the kernel lacks it, or a seccomp filter hides it",
            std::string(allow_all_three) + ", on Linux 5.11 or later"};
  }
  return {
      "this kernel has no io_uring (older than 5.1, built without CONFIG_IO_URING, or a sandbox "
      "such as "
      "gVisor in its place)",
      "use Linux 5.11 or later with CONFIG_IO_URING=y, outside such a sandbox"};
}

}  // namespace

refusal explain_setup_error(int positive_errno, const std::filesystem::path& root) {
  switch (positive_errno) {
    case EPERM:  // sysctl, seccomp: see there
      return explain_eperm(root);
    case EACCES:  // a security module's answer (the hook uring_allowed, since Linux 6.15)
      return {"a security module forbids io_uring to this process",
              "allow io_uring to it in the policy of SELinux or AppArmor"};
    case ENOSYS:  // not built in, or hidden
      return explain_enosys(root);
    case ENOMEM:  // rings count against RLIMIT_MEMLOCK (not for root), RLIMIT_AS and the memory
                  // cgroup
      return {
          "there is no memory for the rings: the memlock limit or the memory limit of the cgroup "
          "is too low",
          "raise it: ulimit -l unlimited (and ulimit -v unlimited), or --ulimit memlock=-1 and a "
          "larger --memory "
          "for a container"};
    case EINVAL:  // unknown flags, or more entries than the kernel allows without CLAMP
      return {"the kernel does not know the setup flags that were asked for, or not so many entries",
              "use Linux 5.11 or later, or ask for at most 32768 entries"};
    case EMFILE:  // a ring is a descriptor
      return {"this process has as many files open as its limit allows", "raise the limit: ulimit -n 65536"};
    case ENFILE:
      return {"the system has as many files open as its limit allows", "as root, raise it: sysctl fs.file-max"};
    default:
      return {std::string("io_uring_setup failed: ") + std::strerror(positive_errno),
              "see io_uring_setup(2) for this error"};
  }
}

refusal explain_ring_error(std::string_view call, int positive_errno) {
  if (call == "io_uring_setup") return explain_setup_error(positive_errno);
  refusal why = explain_call_error(call, positive_errno);
  if (is_lacking(positive_errno)) why.remedy = allow_all_three;
  return why;
}

refusal explain_ring_death(std::string_view call, int signal) {
  refusal why = explain_call_death(call, signal);
  if (signal == SIGSYS) {
    why.remedy = std::string(allow_all_three) +
                 " (of a systemd service: SystemCallFilter=io_uring_setup io_uring_enter io_uring_register)";
  }
  return why;
}

}  // namespace waitwork
