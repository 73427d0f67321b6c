// SPDX-License-Identifier: Apache-2.0
#pragma once
// stack_room: where the calling thread's stack is, and where it ends.
//
// For code that nests as deep as its input says and must stop before the guard page does.

#include <cstdint>

namespace waitwork {

// Where the stack is now; one instruction. Stacks grow towards lower addresses on every machine that Linux runs on but
// PA-RISC. Read from the register: a frame's address would make every caller keep a frame pointer.
inline std::uintptr_t stack_pointer() noexcept {
#if defined(__x86_64__)
  std::uintptr_t here;
  asm("mov %%rsp, %0" : "=r"(here));
  return here;
#elif defined(__aarch64__)
  std::uintptr_t here;
  asm("mov %0, sp" : "=r"(here));
  return here;
#else
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
#endif
}

// The lowest address that the calling thread's stack may reach. Asked of the system once a thread, which takes some
// 40 us in the main thread (the C library reads /proc/self/maps). If it does not say, as without /proc, a little below
// the caller: fewer bytes than the smallest stack that a thread can have been given.
std::uintptr_t stack_end() noexcept;

}  // namespace waitwork
