// SPDX-License-Identifier: Apache-2.0
#pragma once
// stream_wait: what co_await stream.next() suspends in, for every stream over a multishot; and stream_state, the
// multishot's side of it. What is taken, and when the kernel is asked, belongs to each stream.
//
// Included by the streams' headers for their awaiters; nothing here is for callers.

#include <coroutine>

#include <waitwork/coro/cancellation.hpp>
#include <waitwork/coro/ready_queue.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/multishot.hpp>

namespace waitwork::detail {

class stream_state;

class stream_wait : public ready_node, private stop_callback {
 public:
  // Does not suspend if there is something to take already.
  bool await_ready() const noexcept;
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> self) {
    waiter = self;
    start(stop_of(self));
  }

 protected:
  explicit stream_wait(stream_state& stream) noexcept : stream_(stream) {}
  ~stream_wait() = default;

  // A stop ended the wait: there is nothing to take, and the stream is as it was.
  bool stopped() const noexcept { return stopped_; }

 private:
  friend class stream_state;
  void start(stop_source* stop);
  void wake() noexcept;
  void on_stop() noexcept override;

  stream_state& stream_;
  bool stopped_ = false;
};

// A multishot whose completions are kept until they are asked for, by one coroutine at a time.
class stream_state : public multishot {
 public:
  // Something can be taken.
  virtual bool has_outcome() const noexcept = 0;

  bool has_waiter() const noexcept { return waiter_ != nullptr; }

 protected:
  // Somebody waits now, and there is nothing to take: the request must be in the kernel.
  virtual void waited_for() = 0;

  // Only if has_waiter(); there is something to take.
  void wake_waiter() noexcept;

 private:
  friend class stream_wait;

  stream_wait* waiter_ = nullptr;
};

}  // namespace waitwork::detail
