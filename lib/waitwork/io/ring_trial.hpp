// SPDX-License-Identifier: Apache-2.0
#pragma once
// ring_trial: does with rings what a loop will do with them, and says how it went.
//
// Each step is written down by the name of its system call before it is taken, so that of a process
// that is killed on the way the call is known (probe.hpp runs this in a child).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <waitwork/base/refusal.hpp>
#include <waitwork/base/trial.hpp>

namespace waitwork {

struct ring_wishes {
  std::vector<std::uint32_t> flags;       // sets of setup flags, each tried on a ring of its own; at most 64
  std::vector<std::uint32_t> operations;  // opcodes to look for; at most 64
  unsigned rings = 1;                     // of a loop's size and flags, at the same time
};

struct ring_findings {
  std::optional<refusal> refused;  // no loop can live here; the rest is then without meaning
  std::uint32_t features = 0;
  std::uint64_t flags = 0;                  // bit n: the kernel took ring_wishes::flags[n]
  std::optional<std::uint64_t> operations;  // bit n: it knows ring_wishes::operations[n]; absent: it may not be asked
  unsigned rings = 0;                       // as many of those wished for as there could be
  std::optional<refusal> rings_refused;     // why not more

  // One line, and back; nothing if it is none.
  std::string to_text() const;
  static std::optional<ring_findings> from_text(const std::string& text);
};

ring_findings ring_trial(const ring_wishes& wishes, trial_log& log);

}  // namespace waitwork
