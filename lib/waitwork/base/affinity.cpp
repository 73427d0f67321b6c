// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/affinity.hpp>

#include <errno.h>
#include <sched.h>

#include <algorithm>
#include <cstddef>
#include <new>
#include <string>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/refusal.hpp>

namespace waitwork {
namespace {

// Far more than a kernel can be built for (NR_CPUS, 8192), and a mask of 128 KiB.
constexpr unsigned cpus_most = 1u << 20;

// A set of CPUs, of as many bytes as `cpus` of them need.
class cpu_mask {
 public:
  explicit cpu_mask(unsigned cpus) : cpus_(cpus), set_(CPU_ALLOC(cpus)), bytes_(CPU_ALLOC_SIZE(cpus)) {
    if (set_ == nullptr) throw std::bad_alloc();
    CPU_ZERO_S(bytes_, set_);
  }
  ~cpu_mask() { CPU_FREE(set_); }
  cpu_mask(const cpu_mask&) = delete;
  cpu_mask& operator=(const cpu_mask&) = delete;

  // The error number, or 0.
  int read_affinity() { return ::sched_getaffinity(0, bytes_, set_) == 0 ? 0 : errno; }
  int write_affinity() const { return ::sched_setaffinity(0, bytes_, set_) == 0 ? 0 : errno; }

  void add(unsigned cpu) { CPU_SET_S(cpu, bytes_, set_); }
  std::vector<unsigned> members() const {
    std::vector<unsigned> found;
    for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
      if (CPU_ISSET_S(cpu, bytes_, set_)) found.push_back(cpu);
    }
    return found;
  }

 private:
  unsigned cpus_;
  cpu_set_t* set_;
  std::size_t bytes_;
};

}  // namespace

std::vector<unsigned> affinity_cpus() {
  // The kernel refuses (EINVAL) a mask smaller than its own, whose size is not to be asked for.
  for (unsigned cpus = 1024; cpus <= cpus_most; cpus *= 2) {
    cpu_mask mask(cpus);
    const int error = mask.read_affinity();
    if (error == 0) {
      const std::vector<unsigned> found = mask.members();
      return found.empty() ? std::vector<unsigned>{0} : found;
    }
    if (error != EINVAL) break;
  }
  return {0};  // refused: the least that every process has
}

void pin_this_thread(unsigned cpu) {
  const std::string subject = "a thread to CPU " + std::to_string(cpu);
  int error = EINVAL;
  if (cpu < cpus_most) {
    cpu_mask mask(std::max(cpu + 1, 1024u));
    mask.add(cpu);
    error = mask.write_affinity();
  }
  if (error == 0) return;
  if (error != EINVAL) throw_call_error("pin", subject, "sched_setaffinity", error);
  throw environment_error("pin", subject, "there is no such CPU for this process",
                          "choose from those that it may use (taskset -p, cpuset of the control group)");
}

}  // namespace waitwork
