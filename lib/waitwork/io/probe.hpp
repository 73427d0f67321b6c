#pragma once
// probe: what io_uring can do here and, if nothing, why and what to do about it.
//
// Asks the kernel by making a ring and looking, never by its version number: distributions
// backport, containers forbid, gVisor pretends. A probe makes and closes a handful of rings (a few
// hundred microseconds) and changes nothing else. The wording for a refusal is here and nowhere
// else, so that the doctor and the loop say the same.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <waitwork/base/refusal.hpp>

namespace waitwork {

// Explains the error of io_uring_setup(2). EPERM has several sources that the error itself does not
// tell apart, so `root`/proc is read to see which of them applies; `root` is "/" except in tests.
refusal explain_setup_error(int positive_errno, const std::filesystem::path& root = "/");

struct io_uring_capabilities {
  // Set if no ring at all can be made; everything below is then empty.
  std::optional<refusal> refused;
  int error = 0;  // the positive errno behind `refused`

  std::uint32_t features = 0;  // the kernel's feature word, as it is
  std::vector<std::string>
      feature_names;  // bits that have a name here, without the prefix IORING_FEAT_
  std::vector<std::string>
      setup_flags;  // accepted, each on its own; without the prefix IORING_SETUP_
  std::vector<std::string> setup_refused;  // not accepted
  std::vector<std::string>
      operations;  // of those that the I/O layer or a peer may use: known to this kernel
  std::vector<std::string> operations_missing;

  bool available() const noexcept { return !refused; }
  // Whether the loop gets the set of flags it was designed for (SINGLE_ISSUER | DEFER_TASKRUN), not
  // a step down.
  bool deferred_task_work() const noexcept;
};

// Never throws but for lack of memory.
io_uring_capabilities probe_io_uring();

}  // namespace waitwork
