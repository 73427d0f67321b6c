// SPDX-License-Identifier: Apache-2.0
// peers/await_ready: a coroutine awaits a child that completes at once. What it costs to cut a program into coroutines.
//
//   waitwork  task<T>: exceptions, the stop token, the join points of scopes
//   bare      the least that works: a value, a continuation, a free list; throws nothing, cannot be cancelled
//   asio      awaitable<T>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <utility>

#include <waitwork/base/clock.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/loop.hpp>

#include <harness/drive/self_driven.hpp>
#include <peers/asio.hpp>
#include <peers/our_loop_driver.hpp>

namespace waitwork::bench {
namespace {

// Not inlined, none of them: a child in another file is not either.
[[gnu::noinline]] task<answer> child(std::uint64_t value) { co_return value; }

task<answer> sum_of_children(std::uint64_t first, std::uint64_t count) {
  answer sum = 0;
  for (std::uint64_t index = first; index != first + count; ++index) sum += co_await child(index);
  co_return sum;
}

class with_our_task final : public our_loop_driver {
 public:
  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    const std::int64_t begin_ns = now_ns();
    const answer sum = loop_.run(sum_of_children(first, count));
    return batch_log(first, count, now_ns() - begin_ns, sum);
  }
};

// One list is enough: all frames of this comparison but one are the same size.
class frame_list {
 public:
  static void* take(std::size_t bytes) {
    if (bytes > slot_bytes || free_ == nullptr) return ::operator new(bytes > slot_bytes ? bytes : slot_bytes);
    return std::exchange(free_, free_->next);
  }
  static void give(void* frame, std::size_t bytes) noexcept {
    if (bytes > slot_bytes) return ::operator delete(frame);
    free_ = ::new (frame) slot{free_};
  }

 private:
  struct slot {
    slot* next;
  };
  static constexpr std::size_t slot_bytes = 256;
  inline static thread_local constinit slot* free_ = nullptr;
};

class bare_task {
 public:
  struct promise_type {
    static void* operator new(std::size_t bytes) { return frame_list::take(bytes); }
    static void operator delete(void* frame, std::size_t bytes) noexcept { frame_list::give(frame, bytes); }

    bare_task get_return_object() noexcept { return bare_task(handle_type::from_promise(*this)); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    struct final_awaiter {
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
        return self.promise().continuation;
      }
      void await_resume() const noexcept {}
    };
    final_awaiter final_suspend() const noexcept { return {}; }
    void return_value(answer given) noexcept { value = given; }
    void unhandled_exception() const noexcept { std::terminate(); }

    std::coroutine_handle<> continuation = std::noop_coroutine();
    answer value = 0;
  };
  using handle_type = std::coroutine_handle<promise_type>;

  explicit bare_task(handle_type handle) noexcept : handle_(handle) {}
  bare_task(const bare_task&) = delete;
  bare_task& operator=(const bare_task&) = delete;
  ~bare_task() { handle_.destroy(); }

  // Awaitable itself: no awaiter besides. The child is started like a function, and if it is done by then the parent
  // goes on at once: the stack stays flat also where a symmetric transfer is no tail call (-O0, sanitizers).
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> parent) const {
    handle_.resume();
    if (handle_.done()) return false;
    handle_.promise().continuation = parent;
    return true;
  }
  answer await_resume() const noexcept { return handle_.promise().value; }

  answer run() {
    handle_.resume();
    return handle_.promise().value;
  }

 private:
  handle_type handle_;
};

[[gnu::noinline]] bare_task bare_child(std::uint64_t value) { co_return value; }

bare_task sum_of_bare_children(std::uint64_t first, std::uint64_t count) {
  answer sum = 0;
  for (std::uint64_t index = first; index != first + count; ++index) sum += co_await bare_child(index);
  co_return sum;
}

class with_bare_task final : public self_driven {
 public:
  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    const std::int64_t begin_ns = now_ns();
    bare_task parent = sum_of_bare_children(first, count);
    const answer sum = parent.run();
    return batch_log(first, count, now_ns() - begin_ns, sum);
  }
};

#if WAITWORK_HAS_ASIO
[[gnu::noinline]] asio::awaitable<answer> asio_child(std::uint64_t value) { co_return value; }

asio::awaitable<void> sum_of_asio_children(std::uint64_t first, std::uint64_t count, answer& sum) {
  for (std::uint64_t index = first; index != first + count; ++index) sum += co_await asio_child(index);
}

class with_asio_awaitable final : public self_driven {
 public:
  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    const std::int64_t begin_ns = now_ns();
    answer sum = 0;
    asio::co_spawn(context_, sum_of_asio_children(first, count, sum), asio::detached);
    context_.restart();
    context_.run();
    return batch_log(first, count, now_ns() - begin_ns, sum);
  }

 private:
  asio::io_context context_{ASIO_CONCURRENCY_HINT_UNSAFE};
};
#endif

std::unique_ptr<workload> make(const workload_settings& settings) {
  if (settings.variant == "waitwork") return std::make_unique<with_our_task>();
  if (settings.variant == "bare") return std::make_unique<with_bare_task>();
#if WAITWORK_HAS_ASIO
  return std::make_unique<with_asio_awaitable>();
#else
  asio_is_missing();
#endif
}

const bool registered = register_workload({
    .name = "peers/await_ready",
    .variants = {"waitwork", "bare", "asio"},
    .depths = {1},
    .make = make,
});

}  // namespace
}  // namespace waitwork::bench
