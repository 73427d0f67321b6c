// SPDX-License-Identifier: Apache-2.0
// peers/spawn_join: start so many tasks as the depth says, each of which runs to its end, and wait until all have
// ended. A unit is one task.
//
//   waitwork  with_scope, spawn; a child starts inside spawn()
//   asio      co_spawn with a completion handler that counts; a child starts from the queue of the io_context

#include <algorithm>
#include <cstdint>
#include <exception>
#include <memory>

#include <waitwork/base/clock.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/loop.hpp>

#include <harness/drive/self_driven.hpp>
#include <peers/asio.hpp>
#include <peers/our_loop_driver.hpp>

namespace waitwork::bench {
namespace {

[[gnu::noinline]] task<void> child(std::uint64_t index, answer& sum) {
  sum += index;
  co_return;
}

class in_our_scope final : public our_loop_driver {
 public:
  explicit in_our_scope(unsigned depth) : depth_(depth) {}

  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    const std::int64_t begin_ns = now_ns();
    answer sum = 0;
    auto spawn = [&sum](scope& children, std::uint64_t next, std::uint64_t last) {
      for (; next != last; ++next) children.spawn(child(next, sum));
    };
    loop_.run(run_groups(first, first + count, depth_, spawn));
    return batch_log(first, count, now_ns() - begin_ns, sum);
  }

 private:
  unsigned depth_;
};

#if WAITWORK_HAS_ASIO
[[gnu::noinline]] asio::awaitable<void> asio_child(std::uint64_t index, answer& sum) {
  sum += index;
  co_return;
}

class with_asio_co_spawn final : public self_driven {
 public:
  explicit with_asio_co_spawn(unsigned depth) : depth_(depth) {}

  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    const std::int64_t begin_ns = now_ns();
    answer sum = 0;
    std::uint64_t ended = 0;
    for (std::uint64_t next = first; next != first + count;) {
      const std::uint64_t last = next + std::min<std::uint64_t>(depth_, first + count - next);
      for (; next != last; ++next) {
        asio::co_spawn(context_, asio_child(next, sum), [&ended](std::exception_ptr failure) {
          if (!failure) ++ended;
        });
      }
      context_.restart();
      context_.run();  // returns when the group has ended
    }
    return batch_log(first, count, now_ns() - begin_ns, ended == count ? sum : ~sum);
  }

 private:
  unsigned depth_;
  asio::io_context context_{ASIO_CONCURRENCY_HINT_UNSAFE};
};
#endif

std::unique_ptr<workload> make(const workload_settings& settings) {
  if (settings.variant == "waitwork") return std::make_unique<in_our_scope>(settings.lanes);
#if WAITWORK_HAS_ASIO
  return std::make_unique<with_asio_co_spawn>(settings.lanes);
#else
  asio_is_missing();
#endif
}

const bool registered = register_workload({
    .name = "peers/spawn_join",
    .variants = {"waitwork", "asio"},
    .depths = {1, 64},
    .make = make,
});

}  // namespace
}  // namespace waitwork::bench
