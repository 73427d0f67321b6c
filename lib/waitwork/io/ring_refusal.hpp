// SPDX-License-Identifier: Apache-2.0
#pragma once
// ring_refusal: why io_uring is refused, and what to do about it. The wording is here and nowhere
// else, so that the doctor, the runner and the loop say the same.

#include <filesystem>
#include <string_view>

#include <waitwork/base/refusal.hpp>

namespace waitwork {

// Explains the error of io_uring_setup(2). EPERM has several sources that the error itself does not
// tell apart, so `root`/proc is read to see which of them applies; `root` is "/" except in tests.
refusal explain_setup_error(int positive_errno, const std::filesystem::path& root = "/");

// Explains the error of one of the calls by which a ring is used: "io_uring_setup" as above,
// "io_uring_enter" or "io_uring_register", which a filter may refuse although it allows the making
// of rings.
refusal explain_ring_error(std::string_view call, int positive_errno);

// Explains that a process died of one of these calls, by the signal that ended it (0: unknown).
refusal explain_ring_death(std::string_view call, int signal);

}  // namespace waitwork
