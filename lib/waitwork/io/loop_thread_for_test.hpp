// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests across threads: a loop that runs on a thread of its own until it is told to end.

#include <future>
#include <thread>
#include <utility>

#include <waitwork/coro/event.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/remote.hpp>

namespace waitwork {

class loop_thread {
 public:
  loop_thread()
      : thread_([this] {
          loop here;
          here.run(serve());
        }),
        handle_(started_.get_future().get()) {}
  ~loop_thread() { end(); }
  loop_thread(const loop_thread&) = delete;
  loop_thread& operator=(const loop_thread&) = delete;

  const remote& handle() const noexcept { return handle_; }
  std::thread::id id() const noexcept { return thread_.get_id(); }

  // Asks its task to stop; what was spawned is stopped too. Returns when the loop is gone.
  void end() {
    if (!thread_.joinable()) return;
    handle_.request_stop();
    thread_.join();
  }

 private:
  task<void> serve() {
    started_.set_value(loop::current().remote());
    event never;
    try {
      co_await never.wait();
    } catch (const cancelled&) {
    }
  }

  std::promise<remote> started_;
  std::thread thread_;
  remote handle_;
};

}  // namespace waitwork
