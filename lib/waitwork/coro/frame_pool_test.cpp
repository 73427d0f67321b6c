// SPDX-License-Identifier: Apache-2.0
#include <waitwork/coro/frame_pool.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

namespace waitwork {
namespace {

using frame_pool::detail::class_of;
using frame_pool::detail::lists;

// What this thread keeps of the class of `bytes`, in bytes.
std::size_t kept_bytes_of(std::size_t bytes) {
  const std::size_t rounded = (class_of(bytes) + 1) * frame_pool::class_bytes;
  std::size_t kept = 0;
  for (auto* frame = lists[class_of(bytes)].head; frame->next != nullptr; frame = frame->next) kept += rounded;
  return kept;
}

void* allocate_and_fill(std::size_t bytes) {
  void* const frame = frame_pool::allocate(bytes);
  std::memset(frame, 0xa5, bytes);
  return frame;
}

template <class Body>
void run_on_another_thread(Body&& body) {
  std::thread(std::forward<Body>(body)).join();
}

class frame_pool_that_recycles : public testing::Test {
 protected:
  void SetUp() override {
    if (!frame_pool::recycles) GTEST_SKIP() << "the pool steps aside under AddressSanitizer";
  }
};

TEST_F(frame_pool_that_recycles, gives_back_what_was_freed_last_to_every_size_of_its_class) {
  run_on_another_thread([] {
    void* const first = allocate_and_fill(130);
    frame_pool::deallocate(first, 130);
    for (const std::size_t bytes : {129u, 192u, 150u}) {
      void* const again = allocate_and_fill(bytes);
      EXPECT_EQ(again, first) << bytes;
      frame_pool::deallocate(again, bytes);
    }
    void* const other_class = allocate_and_fill(193);
    EXPECT_NE(other_class, first);
    frame_pool::deallocate(other_class, 193);
  });
}

TEST_F(frame_pool_that_recycles, keeps_a_bounded_number_of_each_class) {
  run_on_another_thread([] {
    constexpr std::size_t bytes = 1024;
    std::vector<void*> frames;
    for (std::size_t i = 0; i < 2 * frame_pool::kept_bytes / bytes; ++i) frames.push_back(allocate_and_fill(bytes));
    for (void* const frame : frames) frame_pool::deallocate(frame, bytes);
    EXPECT_EQ(kept_bytes_of(bytes), frame_pool::kept_bytes);
    EXPECT_EQ(lists[class_of(bytes)].head->room, 0u);
    EXPECT_EQ(kept_bytes_of(64), 0u) << "the classes do not share their bounds";
  });
}

// Offloading from one loop to another, day after day: the receiving thread frees what it never allocated.
TEST_F(frame_pool_that_recycles, does_not_let_a_thread_that_only_receives_frames_keep_them_all) {
  constexpr std::size_t bytes = 2048;
  std::vector<void*> frames(3 * frame_pool::kept_bytes / bytes);
  for (int round = 0; round < 3; ++round) {
    for (void*& frame : frames) frame = allocate_and_fill(bytes);
    run_on_another_thread([&] {
      for (void* const frame : frames) frame_pool::deallocate(frame, bytes);
      EXPECT_EQ(kept_bytes_of(bytes), frame_pool::kept_bytes);
    });
  }
}

TEST_F(frame_pool_that_recycles, has_room_again_for_what_it_gave_out) {
  run_on_another_thread([] {
    constexpr std::size_t bytes = 512;
    std::vector<void*> frames;
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = 0; i < frame_pool::kept_bytes / bytes; ++i) frames.push_back(allocate_and_fill(bytes));
      EXPECT_EQ(kept_bytes_of(bytes), 0u);
      for (void* const frame : frames) frame_pool::deallocate(frame, bytes);
      frames.clear();
      EXPECT_EQ(kept_bytes_of(bytes), frame_pool::kept_bytes);
    }
  });
}

TEST_F(frame_pool_that_recycles, does_not_keep_frames_that_are_too_large) {
  run_on_another_thread([] {
    constexpr std::size_t largest = frame_pool::class_bytes * frame_pool::class_count;
    frame_pool::deallocate(allocate_and_fill(largest), largest);
    frame_pool::deallocate(allocate_and_fill(largest + 1), largest + 1);
    std::size_t kept = 0;
    for (std::size_t bytes = frame_pool::class_bytes; bytes <= largest; bytes += frame_pool::class_bytes) {
      kept += kept_bytes_of(bytes);
    }
    EXPECT_EQ(kept, largest);
  });
}

// Of a frame that is freed by a thread_local destructor which runs after the pool's own; LeakSanitizer and valgrind see
// whether it is kept by a list that nobody empties any more.
TEST(frame_pool, takes_frames_after_its_thread_s_lists_are_gone) {
  struct freed_late {
    void* frame = nullptr;
    ~freed_late() {
      frame_pool::deallocate(frame, 256);
      void* const another = allocate_and_fill(256);
      frame_pool::deallocate(another, 256);
      EXPECT_EQ(kept_bytes_of(256), 0u);
    }
  };
  run_on_another_thread([] {
    thread_local freed_late late;  // constructed before the pool's owner, so destroyed after it
    late.frame = allocate_and_fill(256);
    frame_pool::deallocate(allocate_and_fill(256), 256);
  });
}

TEST(frame_pool, aligns_as_operator_new_does) {
  for (const std::size_t bytes : {1u, 64u, 65u, 2048u, 2049u}) {
    void* const frame = allocate_and_fill(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame) % __STDCPP_DEFAULT_NEW_ALIGNMENT__, 0u);
    frame_pool::deallocate(frame, bytes);
  }
}

}  // namespace
}  // namespace waitwork
