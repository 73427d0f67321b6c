// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/stack_room.hpp>

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include <waitwork/base/confined_for_test.hpp>

namespace waitwork {
namespace {

TEST(stack_pointer, is_below_what_the_callers_have) {
  const auto at = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  EXPECT_LE(stack_pointer(), at);
  EXPECT_GT(stack_pointer(), at - (64 << 10));
}

TEST(stack_end, of_a_thread_is_as_far_away_as_its_stack_is_large) {
  constexpr std::size_t stack_bytes = 1 << 20;
  pthread_attr_t attributes;
  ASSERT_EQ(::pthread_attr_init(&attributes), 0);
  ASSERT_EQ(::pthread_attr_setstacksize(&attributes, stack_bytes), 0);
  std::uintptr_t left = 0;
  const auto look = [](void* into) -> void* {
    *static_cast<std::uintptr_t*>(into) = stack_pointer() - stack_end();
    return nullptr;
  };
  pthread_t thread;
  ASSERT_EQ(::pthread_create(&thread, &attributes, look, &left), 0);
  ::pthread_attr_destroy(&attributes);
  ASSERT_EQ(::pthread_join(thread, nullptr), 0);
  EXPECT_LE(left, stack_bytes);
#if defined(__SANITIZE_THREAD__)
  EXPECT_GT(left, stack_bytes / 5);  // it answers for a part of the stack only
#else
  EXPECT_GT(left, stack_bytes / 2);
#endif
}

// The C library then reads nothing about the main thread's stack.
TEST(stack_end, that_nobody_tells_is_near) {
  const std::string said = in_child([]() -> std::string {
    set_limit(RLIMIT_NOFILE, 0);
    const std::uintptr_t end = stack_end();
    return end < stack_pointer() && stack_pointer() - end <= (16 << 10) ? "near" : "far";
  });
  EXPECT_EQ(said, "near");
}

}  // namespace
}  // namespace waitwork
