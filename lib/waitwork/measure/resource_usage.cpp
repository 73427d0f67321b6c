// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/resource_usage.hpp>

#include <errno.h>
#include <sys/resource.h>
#include <time.h>

#include <string>
#include <system_error>

#include <waitwork/base/check.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/base/small_file.hpp>

namespace waitwork {
namespace {

std::int64_t to_ns(const timeval& time) noexcept {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + std::int64_t{time.tv_usec} * 1000;
}

}  // namespace

resource_usage process_usage() {
  rusage charged{};
  if (::getrusage(RUSAGE_SELF, &charged) != 0) throw_call_error("learn", "what this process used", "getrusage", errno);
  return {.user_ns = to_ns(charged.ru_utime),
          .system_ns = to_ns(charged.ru_stime),
          .voluntary_switches = charged.ru_nvcsw,
          .involuntary_switches = charged.ru_nivcsw,
          .minor_faults = charged.ru_minflt,
          .major_faults = charged.ru_majflt};
}

resource_usage operator-(const resource_usage& later, const resource_usage& earlier) noexcept {
  return {.user_ns = later.user_ns - earlier.user_ns,
          .system_ns = later.system_ns - earlier.system_ns,
          .voluntary_switches = later.voluntary_switches - earlier.voluntary_switches,
          .involuntary_switches = later.involuntary_switches - earlier.involuntary_switches,
          .minor_faults = later.minor_faults - earlier.minor_faults,
          .major_faults = later.major_faults - earlier.major_faults};
}

result<std::int64_t> process_cpu_ns(pid_t process) noexcept {
  clockid_t clock{};
  // Returns the error instead of setting errno.
  if (const int error = ::clock_getcpuclockid(process, &clock); error != 0) return errno_error(error);
  timespec used{};
  if (::clock_gettime(clock, &used) != 0) {
    // The process ended between the two calls; the kernel then no longer knows the clock.
    return errno_error(errno == EINVAL ? ESRCH : errno);
  }
  return std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
}

unsigned kernel_worker_threads(const std::filesystem::path& root) {
  unsigned workers = 0;
  std::error_code ignored;
  // Threads come and go while we look: one that is gone has no name to read.
  std::filesystem::directory_iterator thread(root / "proc/self/task", ignored);
  for (; thread != std::filesystem::directory_iterator(); thread.increment(ignored)) {
    const std::string name = read_small_file(thread->path() / "comm").value_or("");
    if (name.starts_with("iou-wrk-") || name.starts_with("iou-sqp-")) ++workers;
  }
  return workers;
}

}  // namespace waitwork
