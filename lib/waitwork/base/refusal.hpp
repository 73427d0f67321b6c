// SPDX-License-Identifier: Apache-2.0
#pragma once
// refusal: what the error of a system call means to a person, chosen by the error and not by the place where it struck.
//
// The same errno asks for the same remedy wherever it comes from: "no room" is mended by making room, "too many open
// files" by a limit. What differs is whether a call names a file. EPERM of one that does is about permissions; EPERM or
// ENOSYS of one that needs none (pidfd_open, signalfd, epoll_pwait2) comes from a sandbox or an old kernel, and the
// call's name is then what a person has to put into a profile.

#include <string>
#include <string_view>

#include <waitwork/base/environment_error.hpp>

namespace waitwork {

// Why the kernel did not give what was asked, and what a person can do about it. Both are clauses without a full stop.
struct refusal {
  std::string cause;
  std::string remedy;
};

// The error of a call on a file or directory that was named: open, mkdir, rename, write, fsync.
refusal explain_file_error(int positive_errno);

// The error of a call that names no file, such as "pidfd_open" or "socket"; `call` is its name as in its manual page.
refusal explain_call_error(std::string_view call, int positive_errno);

// What it means that a process died of the call, by the signal that ended it (0: unknown): SIGSYS is the answer of a
// filter that does not stop at an error.
refusal explain_call_death(std::string_view call, int signal);

// Whether the error says that the call is not to be had here at all, so that what needs it is absent rather than
// broken.
bool is_lacking(int positive_errno) noexcept;

// The same as exceptions. Operation and subject as in environment_error: "write", "report.json".
environment_error file_error(std::string operation, std::string subject, int positive_errno);
environment_error call_error(std::string operation, std::string subject, std::string_view call, int positive_errno);

// The error of a call on a file that is open already. Permissions were asked when it was opened: what is refused now is
// the call, by its name; every other error is one of files.
environment_error descriptor_error(std::string operation, std::string subject, std::string_view call,
                                   int positive_errno);

// call_error() thrown as what it is: unsupported_error where is_lacking(), environment_error otherwise.
[[noreturn]] void throw_call_error(std::string operation, std::string subject, std::string_view call,
                                   int positive_errno);

}  // namespace waitwork
