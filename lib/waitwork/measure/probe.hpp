// SPDX-License-Identifier: Apache-2.0
#pragma once
// probe: what this machine can do at most: multiply and add, move memory, follow pointers. The figures that a
// workload's own are divided by, and the ceiling of every claim that something got faster by using more threads.
//
// Found out by doing it, for some hundred milliseconds: the clock rate of a core under load, siblings behind a
// hypervisor, a quota and neighbours are in no file. Every figure is the best of a number of short windows, because
// whatever disturbs can only make a window worse. Of several workers all begin a window at the same moment, and its
// rate is what all of them did by the time that the last one took: where two threads get one CPU by turns, that is
// one CPU's.
//
// Beside memory, the caches are read and copied in: what stays in one is limited by that one.
//
// Not looked at: NUMA placement, gathers, more than one chain of pointers at a time.

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include <waitwork/base/clock.hpp>
#include <waitwork/measure/environment.hpp>

namespace waitwork {

// A figure, or in one sentence without its full stop why there is none.
using probed = std::expected<double, std::string>;

// Of one worker, and of all of them at the same time together.
struct rates {
  probed one = std::unexpected("not measured");
  probed all = std::unexpected("not measured");
};

struct pointer_chase {
  std::string level;      // "L1", "L2", ... or "memory"
  std::size_t bytes = 0;  // that the chain of lines occupies
  probed ns_per_step = std::unexpected("not measured");
};

// Inside one cache: every worker goes over what fits half of it, again and again.
struct cache_bandwidth {
  std::string level;            // "L1", "L2", ...
  std::size_t cache_bytes = 0;  // of the cache itself
  std::size_t bytes = 0;        // that one worker goes over
  rates read_bytes_per_second = {};
  rates copy_bytes_per_second = {};  // both streams counted
};

struct machine_limits {
  std::string instruction_set;  // of all but the chases, see peak_loops.hpp
  unsigned workers = 1;         // of the figures for all

  // Operations per second, a multiply-add counting two.
  rates f32_flops;
  rates f64_flops;

  // Of memory. STREAM's count: a copy moves two streams, a triad three. Regular stores also read what they overwrite,
  // which is not counted; streaming stores do not.
  rates read_bytes_per_second;
  rates copy_bytes_per_second;
  rates copy_streaming_bytes_per_second;
  rates triad_bytes_per_second;
  rates triad_streaming_bytes_per_second;
  std::size_t array_bytes = 0;  // of each array of these; all workers share it out

  // From the first level on; none for a level that is not published.
  std::vector<cache_bandwidth> caches;

  // Dependent loads in random order, on huge pages where the system grants them: a chain of half of each cache, and
  // last of much more than the last cache if that fits `far_bytes`.
  std::vector<pointer_chase> latencies;

  // The last-level caches that the workers reach, and whether the two arrays of a copy and the last chase exceed them.
  // If not, those figures are of the cache in part, and several workers, each with its part of the arrays, may do more
  // than as many times what one does with the whole. Absent if the machine does not publish its caches.
  std::optional<std::size_t> last_cache_bytes;
  std::optional<bool> arrays_exceed_last_cache;
  std::optional<bool> chase_exceeds_last_cache;

  std::int64_t took_ns = 0;  // the whole probe
};

// The rates by the names that reports give them, followed by "_one" and "_all".
struct named_limit {
  const char* name;
  rates machine_limits::* figures;
};
inline constexpr std::array named_limits{
    named_limit{"f32_flops", &machine_limits::f32_flops},
    named_limit{"f64_flops", &machine_limits::f64_flops},
    named_limit{"read_bytes_per_second", &machine_limits::read_bytes_per_second},
    named_limit{"copy_bytes_per_second", &machine_limits::copy_bytes_per_second},
    named_limit{"copy_streaming_bytes_per_second", &machine_limits::copy_streaming_bytes_per_second},
    named_limit{"triad_bytes_per_second", &machine_limits::triad_bytes_per_second},
    named_limit{"triad_streaming_bytes_per_second", &machine_limits::triad_streaming_bytes_per_second},
};

struct probe_options {
  // Threads that compute at the same time; the caller knows how many can (effective_cpus()).
  unsigned workers = 1;
  // What the threads may run on; each gets one if there are as many as workers, else the scheduler decides. One worker
  // alone always goes where the scheduler puts it, which is where it is quietest.
  std::vector<unsigned> cpus;
  // As read_environment() has them; those of instructions are passed over.
  std::vector<cpu_cache> caches;
  // How much may be taken at all; more is never touched. Absent: whatever the system gives.
  std::optional<std::int64_t> memory_bytes;

  // The longest of the last chase. Larger means a more honest latency of memory and a longer probe: building a chain
  // of 128 MiB takes some 40 ms.
  std::size_t far_bytes = std::size_t{128} << 20;
  // Before the first windows, so that the core reaches the clock rate that it keeps under vectors.
  nanoseconds warm_up{20'000'000};
  // Long against the clock and the start of a thread, short against a time slice.
  nanoseconds window{1'500'000};
  unsigned windows = 10;
};

// Blocks, and keeps `workers` CPUs busy, for about half a second with the defaults; maps some 200 MiB meanwhile, more
// where many workers' second-level caches want more. A probe that the system refuses (threads, memory) is
// absent with its cause. Throws only for lack of memory for a few small vectors.
machine_limits probe_limits(const probe_options& options);

}  // namespace waitwork
