// SPDX-License-Identifier: Apache-2.0
// A task that is spawned in a scope and joined costs no allocation once the frame pool is warm.
//
// Counted where operator new is replaced: in this test program, and not in the one that measures.

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include <waitwork/bench/workload.hpp>
#include <waitwork/coro/frame_pool.hpp>

#include <harness/drive/strategy.hpp>
#include <harness/suite/registry.hpp>

namespace {

std::atomic<std::uint64_t> allocations{0};

}  // namespace

// Not inlined: g++ 12 takes malloc and delete for a mismatch when it sees one of them.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const found = std::malloc(bytes == 0 ? 1 : bytes)) return found;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* freed) noexcept { std::free(freed); }
[[gnu::noinline]] void operator delete(void* freed, std::size_t) noexcept { std::free(freed); }

namespace waitwork::bench {
namespace {

std::uint64_t allocations_of(strategy& driver, workload& work, std::uint64_t units) {
  const std::uint64_t before = allocations.load();
  EXPECT_EQ(driver.drive(work, 0, units).wrong, 0u);
  return allocations.load() - before;
}

class spawning : public testing::TestWithParam<unsigned> {};

TEST_P(spawning, and_joining_allocates_nothing_once_warm) {
  if (!frame_pool::recycles) GTEST_SKIP() << "under AddressSanitizer every frame is allocated, so that it is watched";
  row chosen;
  chosen.strategy = strategy_kind::concurrent;
  chosen.depth = GetParam();
  workload_settings settings;
  settings.variant = "waitwork";
  settings.lanes = GetParam();
  const std::unique_ptr<workload> work = find_workload("peers/spawn_join")->make(settings);
  const std::unique_ptr<strategy> driver = make_strategy(chosen, *work);
  driver->drive(*work, 0, 1000);
  const std::uint64_t once = allocations_of(*driver, *work, 1000);
  EXPECT_EQ(allocations_of(*driver, *work, 100'000), once) << "a task more costs no allocation more";
  EXPECT_EQ(once, 0u);
}

INSTANTIATE_TEST_SUITE_P(tasks, spawning, testing::Values(1u, 64u));

}  // namespace
}  // namespace waitwork::bench
