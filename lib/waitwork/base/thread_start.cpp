// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/thread_start.hpp>

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/refusal.hpp>

namespace waitwork {
namespace {

class attributes {
 public:
  explicit attributes(std::size_t stack_bytes) {
    if (::pthread_attr_init(&made_) != 0) throw std::bad_alloc();
    if (stack_bytes > 0) ::pthread_attr_setstacksize(&made_, stack_bytes);
  }
  ~attributes() { ::pthread_attr_destroy(&made_); }
  attributes(const attributes&) = delete;
  attributes& operator=(const attributes&) = delete;

  const pthread_attr_t* get() const noexcept { return &made_; }
  std::size_t stack_bytes() const noexcept {
    std::size_t bytes = 0;
    ::pthread_attr_getstacksize(&made_, &bytes);
    return bytes;
  }

 private:
  pthread_attr_t made_;
};

bool has_memory_for(std::size_t stack_bytes) noexcept {
  void* const mapped = ::mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (mapped == MAP_FAILED) return false;
  ::munmap(mapped, stack_bytes);
  return true;
}

// A thread that was joined is counted by the limits until the kernel has released it, some microseconds later; and who
// asks for as many threads as the limit allows would be refused meanwhile. After a second something else is wrong, and
// they will say so.
void wait_until_released(pid_t thread) noexcept {
  const std::int64_t until_ns = now_ns() + 1'000'000'000;
  while (::syscall(SYS_tgkill, ::getpid(), thread, 0) == 0 && now_ns() < until_ns) ::sched_yield();
}

// Threads that are all there until this object dies.
class visitors {
 public:
  explicit visitors(unsigned most) { all_.reserve(most); }
  ~visitors() {
    may_go_.store(true, std::memory_order_relaxed);
    may_go_.notify_all();
    for (const visitor& each : all_) ::pthread_join(each.handle, nullptr);
    for (const visitor& each : all_) wait_until_released(each.id);
  }
  visitors(const visitors&) = delete;
  visitors& operator=(const visitors&) = delete;

  // One more. The error number, or 0.
  int add(const attributes& wanted) {
    visitor& next = all_.emplace_back(visitor{.may_go = &may_go_});
    const int error = ::pthread_create(&next.handle, wanted.get(), visit, &next);
    if (error != 0) all_.pop_back();
    return error;
  }

 private:
  struct visitor {
    pthread_t handle{};
    pid_t id = 0;  // written by the thread, read when it was joined
    const std::atomic<bool>* may_go = nullptr;
  };

  static void* visit(void* argument) noexcept {
    visitor& self = *static_cast<visitor*>(argument);
    self.id = static_cast<pid_t>(::syscall(SYS_gettid));
    self.may_go->wait(false, std::memory_order_relaxed);
    return nullptr;
  }

  std::atomic<bool> may_go_{false};  // relaxed: nothing else is shared
  std::vector<visitor> all_;         // never longer than it was reserved for: the threads refer to their places
};

}  // namespace

environment_error thread_error(std::string subject, int positive_errno, std::size_t stack_bytes) {
  const std::size_t needed_bytes = attributes(stack_bytes).stack_bytes();
  if (positive_errno != EAGAIN || has_memory_for(needed_bytes)) {
    return call_error("start", std::move(subject), "clone", positive_errno);
  }
  return {"start", std::move(subject),
          "there is no memory for a stack of " + std::to_string(needed_bytes / 1024) + " KiB",
          "raise the limits on memory (ulimit -v, ulimit -d, the container's), or have smaller stacks (ulimit -s)"};
}

void require_threads(unsigned count, const std::string& subject, std::size_t stack_bytes) {
  const attributes wanted(stack_bytes);
  visitors all(count);
  for (unsigned started = 0; started < count; ++started) {
    // While the others have their stacks.
    if (const int error = all.add(wanted)) throw thread_error(subject, error, stack_bytes);
  }
}

}  // namespace waitwork
