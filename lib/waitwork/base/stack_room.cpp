// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/stack_room.hpp>

#include <pthread.h>

#include <cstddef>

namespace waitwork {
namespace {

constexpr std::uintptr_t surely_left_bytes = 8 << 10;  // of PTHREAD_STACK_MIN, 16 KiB

std::uintptr_t ask_for_stack_end() noexcept {
  pthread_attr_t attributes;
  void* lowest = nullptr;
  std::size_t bytes = 0;
  if (::pthread_getattr_np(::pthread_self(), &attributes) == 0) {
    if (::pthread_attr_getstack(&attributes, &lowest, &bytes) != 0) lowest = nullptr;
    ::pthread_attr_destroy(&attributes);
  }
  const std::uintptr_t here = stack_pointer();
  const auto end = reinterpret_cast<std::uintptr_t>(lowest);
  // On a stack that is not the thread's own (sigaltstack, a fiber) the answer is about another one.
  return end != 0 && end < here && here <= end + bytes ? end : here - surely_left_bytes;
}

}  // namespace

std::uintptr_t stack_end() noexcept {
  static constinit thread_local std::uintptr_t known = 0;
  if (known == 0) known = ask_for_stack_end();
  return known;
}

}  // namespace waitwork
