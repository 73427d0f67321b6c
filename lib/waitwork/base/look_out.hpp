// SPDX-License-Identifier: Apache-2.0
#pragma once
// look_out: a moment of looking for what another thread is about to do, before going to sleep for it.
//
// Waking a thread whose CPU has gone to sleep too costs about 30 us on a virtual machine, many times what a short
// answer takes. So whoever expects one looks out for about as long as a wake would cost, which at worst doubles the
// price of a wait; and if that has not paid lately, it does so seldom: after n failures in a row 2^n waits pass
// without, 64 at most.

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <waitwork/base/clock.hpp>

namespace waitwork {

class look_out {
 public:
  static constexpr nanoseconds most = std::chrono::microseconds(30);

  // Calls arrived() over and over until it is true, or time is up; whether it was. Gives the CPU to other threads that
  // are ready to run on it, since one of them may have the answer.
  template <class Arrived>
  bool until(Arrived&& arrived) noexcept {
    if (arrived()) return true;
    if (skip_ > 0) {
      --skip_;
      return false;
    }
    const std::int64_t end_ns = now_ns() + most.count();
    do {
      for (int i = 0; i < looks_a_yield; ++i) {
        if (arrived()) {
          failures_ = 0;
          return true;
        }
        pause();
      }
      ::sched_yield();
    } while (now_ns() < end_ns);
    failures_ = std::min(failures_ + 1, failures_most);
    skip_ = 1u << failures_;
    return false;
  }

 private:
  static constexpr int looks_a_yield = 32;  // about 1 us
  static constexpr unsigned failures_most = 6;

  static void pause() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  unsigned failures_ = 0;  // in a row
  unsigned skip_ = 0;
};

}  // namespace waitwork
