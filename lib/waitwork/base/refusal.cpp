// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/refusal.hpp>

#include <signal.h>

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

namespace waitwork {
namespace {

std::string message(int positive_errno) { return std::generic_category().message(positive_errno); }

// Errors that mean the same in every call; nothing for the others.
std::optional<std::string> remedy_anywhere(int positive_errno) {
  switch (positive_errno) {
    case EMFILE:  // RLIMIT_NOFILE
      return "raise the limit on open files (ulimit -n)";
    case ENFILE:  // fs.file-max
      return "close other programs, or as root raise the system's limit on open files (sysctl fs.file-max)";
    case ENOMEM:
    case ENOBUFS:
      return "free memory, or raise the limits on it (ulimit -v, ulimit -d, ulimit -l, the container's memory limit)";
    case EIO:
      return "look at the kernel's log (dmesg) for errors of the device, or use another device";
    default:
      return std::nullopt;
  }
}

}  // namespace

refusal explain_file_error(int positive_errno) {
  if (auto remedy = remedy_anywhere(positive_errno)) return {message(positive_errno), *std::move(remedy)};
  const auto with = [&](const char* remedy) { return refusal{message(positive_errno), remedy}; };
  switch (positive_errno) {
    case ENOSPC:
      return with("make room there (df, df -i), or name a place on another file system");
    case EDQUOT:
      return with("make room within your quota, or name a place on another file system");
    case EFBIG:  // RLIMIT_FSIZE, or past what the file system can hold
      return with("raise the limit on the size of files (ulimit -f), or name a place on another file system");
    case EACCES:
      return with("name a place that you may write to, or change its permissions");
    case EPERM:  // a sticky folder, an immutable file; or a filter that knows no better answer
      return with(
          "name a place that you may write to, or change its permissions; where these allow it, a seccomp filter or a"
          " security module refuses the call");
    case EROFS:
      return with("name a place on a file system that is mounted for writing");
    case ENOENT:
      return with("make the directory first, or name another");
    case ENOTDIR:
      return with("name a place whose every parent is a directory");
    case EISDIR:
      return with("name a file, not a directory");
    case EEXIST:
      return with("remove or rename what is there, or name another place");
    case ELOOP:
      return with("name a place that is no symbolic link, or mend the link");
    case ENAMETOOLONG:
      return with("choose a shorter name");
    case ETXTBSY:
    case EBUSY:
      return with("end what is using it, or name another place");
    case ENXIO:
    case ENODEV:
      return with("name a file, or a pipe that somebody reads");
    case EPIPE:
      return with("name a file, or a pipe whose reader reads to the end");
    case EINVAL:
    case EOPNOTSUPP:
      return with("name a place on another file system: this one does not support it");
    case ESTALE:
      return with("mount the network file system again, or name a place on a local one");
    case EBADF:
      return with("leave it open: it was closed before the program started");
    case ENOSYS:
      return {"this kernel does not have the system call, or a seccomp filter hides it",
              "use a newer kernel, or start the container with a profile that allows it"};
    default:
      return with("name a place elsewhere");
  }
}

refusal explain_call_error(std::string_view call, int positive_errno) {
  if (auto remedy = remedy_anywhere(positive_errno)) return {message(positive_errno), *std::move(remedy)};
  const std::string name(call);
  switch (positive_errno) {
    case EPERM:
    case EACCES:
      return {"this process may not call " + name + " (" + message(positive_errno) +
                  "): a seccomp filter or a security module refuses it",
              "start the container or service with a profile that allows " + name};
    case ENOSYS:
      return {name + " does not exist here: the kernel is too old for it, or a seccomp filter hides it",
              "use a newer kernel, or start the container or service with a profile that allows " + name};
    case EAGAIN:
      if (name == "fork" || name == "clone" || name == "pthread_create") {
        return {message(positive_errno),
                "raise the limits on processes (ulimit -u, the container's pids limit), or end other processes"};
      }
      break;
    case EADDRINUSE:
    case EADDRNOTAVAIL:
      return {message(positive_errno), "let the loopback interface be up, and ports be free (ss -tan)"};
    case ENETUNREACH:
    case ENETDOWN:
    case EAFNOSUPPORT:
      return {message(positive_errno), "bring the loopback interface up (ip link set lo up)"};
    default:
      break;
  }
  return {message(positive_errno), "see " + name + "(2) for this error"};
}

refusal explain_call_death(std::string_view call, int signal) {
  const std::string name(call);
  const std::string allow = "start the container or service with a profile that allows " + name;
  switch (signal) {
    case SIGSYS:
      return {"a seccomp filter kills whoever calls " + name + " (SIGSYS)",
              allow + " (of a systemd service: SystemCallFilter=" + name + ")"};
    case SIGKILL:
      return {"a process that called " + name + " was killed (SIGKILL), as the kernel does when memory runs out",
              "raise the memory limit of the container or control group, or free memory"};
    default:
      break;
  }
  const std::string with = signal == 0 ? "" : " of signal " + std::to_string(signal);
  return {"a process that called " + name + " died" + with, allow};
}

bool is_lacking(int positive_errno) noexcept {
  switch (positive_errno) {
    case EPERM:
    case EACCES:
    case ENOSYS:
    case EAFNOSUPPORT:   // no such protocol in this kernel or namespace
    case EADDRNOTAVAIL:  // no loopback
    case ENETUNREACH:
    case ENETDOWN:
      return true;
    default:
      return false;
  }
}

environment_error file_error(std::string operation, std::string subject, int positive_errno) {
  refusal why = explain_file_error(positive_errno);
  return {std::move(operation), std::move(subject), std::move(why.cause), std::move(why.remedy)};
}

environment_error call_error(std::string operation, std::string subject, std::string_view call, int positive_errno) {
  refusal why = explain_call_error(call, positive_errno);
  return {std::move(operation), std::move(subject), std::move(why.cause), std::move(why.remedy)};
}

environment_error descriptor_error(std::string operation, std::string subject, std::string_view call,
                                   int positive_errno) {
  const bool refused = positive_errno == EPERM || positive_errno == EACCES || positive_errno == ENOSYS;
  return refused ? call_error(std::move(operation), std::move(subject), call, positive_errno)
                 : file_error(std::move(operation), std::move(subject), positive_errno);
}

void throw_call_error(std::string operation, std::string subject, std::string_view call, int positive_errno) {
  refusal why = explain_call_error(call, positive_errno);
  if (is_lacking(positive_errno)) {
    throw unsupported_error(std::move(operation), std::move(subject), std::move(why.cause), std::move(why.remedy));
  }
  throw environment_error(std::move(operation), std::move(subject), std::move(why.cause), std::move(why.remedy));
}

}  // namespace waitwork
