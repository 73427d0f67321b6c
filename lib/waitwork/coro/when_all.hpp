// SPDX-License-Identifier: Apache-2.0
#pragma once
// when_all: run tasks at the same time on one thread and wait for every one of them.
//
//   auto [user, orders] = co_await when_all(fetch_user(id), fetch_orders(id));
//   std::vector<int> sums = co_await when_all(std::move(tasks));
//
// The children start in order, inside await_suspend, and the parent resumes where the last of them completes. A
// failure does not cut the others short: all are joined first, then the first failure in argument order is thrown.
// No allocation beyond the children's own frames and the result. A void child gives std::monostate in the tuple.

#include <coroutine>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <waitwork/coro/task.hpp>

namespace waitwork {
namespace detail {

template <class T>
using value_or_monostate = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T>
value_or_monostate<T> take(task<T>& child) {
  if constexpr (std::is_void_v<T>) {
    child.handle().promise().take();
    return {};
  } else {
    return child.handle().promise().take();
  }
}

// Counts the children; the last one to finish resumes the parent.
class all_done : private join_point {
 public:
  // Starts every child. False if all of them are done already. The count holds one for this function itself, which
  // keeps it above zero while children that complete at once are being started.
  template <class ForEachChild>
  bool start(std::size_t children, std::coroutine_handle<> parent, stop_source* stop, ForEachChild&& for_each_child) {
    remaining_ = children + 1;
    parent_ = parent;
    for_each_child([this, stop](auto& child) { promise_base::start(child.handle(), *this, stop); });
    return --remaining_ != 0;
  }

 private:
  std::coroutine_handle<> child_done(std::coroutine_handle<>, promise_base&) noexcept override {
    return --remaining_ == 0 ? parent_ : std::noop_coroutine();
  }

  std::size_t remaining_ = 0;
  std::coroutine_handle<> parent_;
};

template <class... T>
class when_all_tuple {
 public:
  explicit when_all_tuple(task<T>&&... children) noexcept : children_(std::move(children)...) {}
  when_all_tuple(const when_all_tuple&) = delete;
  when_all_tuple& operator=(const when_all_tuple&) = delete;

  bool await_ready() const noexcept { return sizeof...(T) == 0; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> parent) {
    return all_.start(sizeof...(T), parent, stop_of(parent), [this](auto&& start) {
      std::apply([&start](auto&... child) { (start(child), ...); }, children_);
    });
  }
  std::tuple<value_or_monostate<T>...> await_resume() {
    return std::apply([](auto&... child) { return std::tuple<value_or_monostate<T>...>{take(child)...}; }, children_);
  }

 private:
  std::tuple<task<T>...> children_;
  all_done all_;
};

template <class T>
class when_all_vector {
 public:
  explicit when_all_vector(std::vector<task<T>>&& children) noexcept : children_(std::move(children)) {}
  when_all_vector(const when_all_vector&) = delete;
  when_all_vector& operator=(const when_all_vector&) = delete;

  bool await_ready() const noexcept { return children_.empty(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> parent) {
    return all_.start(children_.size(), parent, stop_of(parent), [this](auto&& start) {
      for (task<T>& child : children_) start(child);
    });
  }
  std::conditional_t<std::is_void_v<T>, void, std::vector<T>> await_resume() {
    if constexpr (std::is_void_v<T>) {
      for (task<T>& child : children_) take(child);
    } else {
      std::vector<T> values;
      values.reserve(children_.size());
      for (task<T>& child : children_) values.push_back(take(child));
      return values;
    }
  }

 private:
  std::vector<task<T>> children_;
  all_done all_;
};

}  // namespace detail

template <class... T>
[[nodiscard]] detail::when_all_tuple<T...> when_all(task<T>... children) noexcept {
  return detail::when_all_tuple<T...>(std::move(children)...);
}

template <class T>
[[nodiscard]] detail::when_all_vector<T> when_all(std::vector<task<T>> children) noexcept {
  return detail::when_all_vector<T>(std::move(children));
}

}  // namespace waitwork
