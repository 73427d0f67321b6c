// SPDX-License-Identifier: Apache-2.0
#pragma once
// probe: what io_uring can do here and, if nothing, why and what to do about it.
//
// Asks the kernel by doing what the loop will do, never by its version number: distributions backport, containers
// forbid, gVisor pretends, and a limit that grants a small ring refuses a large one. So rings are made with the flags
// and at the size of a loop, as many at once as are wanted, and a request goes through one. A child process does it
// (base/trial.hpp): a filter that kills its caller is an answer too. A few milliseconds.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <waitwork/base/refusal.hpp>

namespace waitwork {

struct io_uring_capabilities {
  // Set if not even one loop can have its ring; everything below is then empty,
  // but `rings_refused` where it was for want of room.
  std::optional<refusal> refused;

  // How many loops could have their rings at the same time, of as many as were asked for; and why not more of them.
  unsigned rings = 0;
  std::optional<refusal> rings_refused;

  std::uint32_t features = 0;              // the kernel's feature word, as it is
  std::vector<std::string> feature_names;  // bits that have a name here, without the prefix IORING_FEAT_
  std::vector<std::string> setup_flags;    // accepted, each on its own; without the prefix IORING_SETUP_
  std::vector<std::string> setup_refused;  // not accepted
  // Of those that the I/O layer or a peer may use: known to this kernel, and not. Neither where the kernel may not be
  // asked (io_uring_register refused).
  std::vector<std::string> operations;
  std::vector<std::string> operations_missing;

  bool available() const noexcept { return !refused; }
  // Whether the loop gets the set of flags it was designed for (SINGLE_ISSUER | DEFER_TASKRUN), not
  // a step down.
  bool deferred_task_work() const noexcept;
};

// Looks whether `rings` loops can live at the same time. Never throws but for lack of memory.
io_uring_capabilities probe_io_uring(unsigned rings = 1);

}  // namespace waitwork
