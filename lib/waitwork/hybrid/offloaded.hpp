// SPDX-License-Identifier: Apache-2.0
#pragma once
// offloaded: a callable that is on its way from a coroutine to some worker and back; what offload() and
// offload_blocking() have in common. Private to hybrid/.

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <waitwork/coro/cancellation.hpp>
#include <waitwork/coro/ready_queue.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/parallel/worker_threads.hpp>

namespace waitwork::detail {

// The way there and back, whatever is done there. The awaiting coroutine is suspended meanwhile, so this lives in its
// frame; the worker that runs it is the only one to touch it until it is posted home.
class away : private ready_node, protected job, private stop_callback {
 public:
  bool await_ready() const noexcept { return false; }

 protected:
  away() noexcept = default;
  ~away() = default;

  // Hands the job over. False: the coroutine goes on at once, because a stop was requested already or no thread can be
  // had.
  bool depart(std::coroutine_handle<> self, stop_source* stop);

  // Does the work here and now, and has the coroutine take its turn. False as above.
  bool stay(std::coroutine_handle<> self, stop_source* stop);

  // From the worker, at the end of run(): the frame may be gone when this returns.
  void come_home() noexcept { home_->post(*this); }

  // Throws `cancelled` if the work was never begun, or the error that kept it from being handed over.
  void arrive();

 private:
  // True: the loop should look out for the answer before it sleeps, because it may come soon and a CPU is to spare.
  virtual bool hand_over(job& self) = 0;
  virtual bool take_back(job& self) noexcept = 0;
  virtual void work() noexcept = 0;
  void on_stop() noexcept override;

  loop* home_ = nullptr;
  bool stopped_ = false;
  bool expected_ = false;
  std::exception_ptr refused_;
};

// With the callable and what it gave. The callable is referred to, its value is kept here.
template <class Work>
class offloaded : public away {
 public:
  using value_type = std::invoke_result_t<Work&>;
  static_assert(!std::is_reference_v<value_type>, "what comes back is a value, or nothing");

  value_type await_resume() {
    arrive();
    if (failure_) std::rethrow_exception(failure_);
    if constexpr (!std::is_void_v<value_type>) return std::move(*value_);
  }

 protected:
  explicit offloaded(Work& work) noexcept : work_(work) {}
  ~offloaded() = default;

  // In a handler: the exception comes home instead of the value.
  void fail() noexcept { failure_ = std::current_exception(); }

  void work() noexcept final {
    try {
      if constexpr (std::is_void_v<value_type>) {
        work_();
      } else {
        value_.emplace(work_());
      }
    } catch (...) {
      fail();
    }
  }

 private:
  using stored_type = std::conditional_t<std::is_void_v<value_type>, std::monostate, value_type>;

  Work& work_;
  std::optional<stored_type> value_;
  std::exception_ptr failure_;
};

}  // namespace waitwork::detail
