// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests of cancellation: awaiting something under a stop that comes at a chosen moment, a kernel that is deaf to
// cancellations, and a count of what must not leak.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <iterator>
#include <optional>
#include <system_error>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/result.hpp>
#include <waitwork/coro/cancellation.hpp>
#include <waitwork/coro/this_task.hpp>
#include <waitwork/coro/when_all.hpp>
#include <waitwork/io/fault_seam.hpp>
#include <waitwork/io/ring.hpp>

namespace waitwork {

inline std::ptrdiff_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return std::distance(begin(all), end(all));
}

// No error if there is a value.
template <class T>
std::error_code error_of(const result<T>& outcome) {
  return outcome ? std::error_code() : outcome.error();
}

// What make() gives, awaited, when the stop is requested before.
template <class Make>
auto under_a_past_stop(Make& make) -> task<detail::await_result_t<decltype(make())>> {
  stop_source stop;
  stop.request_stop();
  co_return co_await with_stop(stop, make());
}

// What it gives when the stop comes while it waits in the kernel: two turns later, so that it was submitted.
template <class Make>
auto stopped_while_it_waits(Make& make) -> task<detail::await_result_t<decltype(make())>> {
  stop_source stop;
  const auto request = [&stop]() -> task<void> {
    co_await yield();
    co_await yield();
    stop.request_stop();
  };
  const auto wait = [&stop, &make]() -> task<detail::await_result_t<decltype(make())>> {
    co_return co_await with_stop(stop, make());
  };
  auto [outcome, done] = co_await when_all(wait(), request());
  static_cast<void>(done);
  co_return std::move(outcome);
}

// A kernel whose requests a test alters; the completions come as they are.
class altered_kernel : public fault_seam {
 public:
  std::int64_t now_ns() override { return waitwork::now_ns(); }
  void completed(const completion& arrived) override { arrived_.push_back(arrived); }
  std::optional<completion> released() override {
    if (arrived_.empty()) return std::nullopt;
    const completion first = arrived_.front();
    arrived_.pop_front();
    return first;
  }
  bool may_sleep(std::optional<std::int64_t>) override { return true; }
  void suspended() override {}

 private:
  std::deque<completion> arrived_;
};

// Hears no cancellation, so that what was cancelled comes to its ordinary end: the race that a stop loses.
class deaf_kernel final : public altered_kernel {
 public:
  void submitting(io_uring_sqe& entry) override {
    if (entry.opcode != IORING_OP_ASYNC_CANCEL) return;
    const std::uint64_t owner = entry.user_data;
    io_uring_prep_nop(&entry);
    entry.user_data = owner;
    ++unheard_;
  }

  int unheard() const noexcept { return unheard_; }

 private:
  int unheard_ = 0;
};

}  // namespace waitwork
