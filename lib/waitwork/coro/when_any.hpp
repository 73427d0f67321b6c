// SPDX-License-Identifier: Apache-2.0
#pragma once
// when_any: run tasks at the same time on one thread and take the first that completes.
//
//   auto first = co_await when_any(ask(mirror_a), ask(mirror_b));   // std::variant; first.index() says who won
//   auto [index, reply] = co_await when_any(std::move(tasks));      // from a vector
//
// The children start in order, inside await_suspend. When one completes, by a value or by an exception, the others are
// asked to stop and joined: the parent resumes where the last of them ends, and nothing of a loser runs on. A child
// that completes at once keeps the ones after it from starting. What a loser gives is destroyed (a connection that
// was accepted all the same is closed); what it throws is thrown, unless it is `cancelled`.

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <waitwork/base/check.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/coro/when_all.hpp>

namespace waitwork {

// The winner of a when_any over a vector.
template <class T>
struct any_result {
  std::size_t index;
  T value;
};
template <>
struct any_result<void> {
  std::size_t index;
};

namespace detail {

// Notes the first child to finish and stops the others; the last one to end resumes the parent.
class first_done : private join_point {
 public:
  template <class ForEachChild>
  bool start(std::coroutine_handle<> parent, stop_source* outer, ForEachChild&& for_each_child) {
    losers_.follow(outer);
    remaining_ = 1;
    parent_ = parent;
    for_each_child([this](auto& child) {
      if (winner_) return;
      ++remaining_;
      promise_base::start(child.handle(), *this, &losers_);
    });
    return --remaining_ != 0;
  }

  bool won(std::coroutine_handle<> child) const noexcept { return winner_ == child; }

 private:
  std::coroutine_handle<> child_done(std::coroutine_handle<> child, promise_base&) noexcept override {
    if (!winner_) {
      winner_ = child;
      losers_.request_stop();
    }
    return --remaining_ == 0 ? parent_ : std::noop_coroutine();
  }

  stop_source losers_;
  std::size_t remaining_ = 0;
  std::coroutine_handle<> winner_;
  std::coroutine_handle<> parent_;
};

// Throws what a loser threw, unless it merely stopped.
template <class T>
void rethrow_unless_cancelled(task<T>& loser) {
  if (!loser.done() || !loser.handle().promise().failed()) return;
  try {
    loser.handle().promise().rethrow_if_failed();
  } catch (const cancelled&) {
  }
}

template <class... T>
class when_any_tuple {
 public:
  explicit when_any_tuple(task<T>&&... children) noexcept : children_(std::move(children)...) {}
  when_any_tuple(const when_any_tuple&) = delete;
  when_any_tuple& operator=(const when_any_tuple&) = delete;

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> parent) {
    return first_.start(parent, stop_of(parent), [this](auto&& start) {
      std::apply([&start](auto&... child) { (start(child), ...); }, children_);
    });
  }
  std::variant<value_or_monostate<T>...> await_resume() { return resume(std::index_sequence_for<T...>()); }

 private:
  using value_type = std::variant<value_or_monostate<T>...>;

  template <std::size_t... Index>
  value_type resume(std::index_sequence<Index...>) {
    std::optional<value_type> value;
    (take_if_won<Index>(value), ...);
    const auto look = [this](auto& child) {
      if (!first_.won(child.handle())) rethrow_unless_cancelled(child);
    };
    std::apply([&look](auto&... child) { (look(child), ...); }, children_);
    return std::move(*value);
  }
  template <std::size_t Index>
  void take_if_won(std::optional<value_type>& value) {
    auto& child = std::get<Index>(children_);
    if (first_.won(child.handle())) value.emplace(std::in_place_index<Index>, take(child));
  }

  std::tuple<task<T>...> children_;
  first_done first_;
};

template <class T>
class when_any_vector {
 public:
  explicit when_any_vector(std::vector<task<T>>&& children) noexcept : children_(std::move(children)) {}
  when_any_vector(const when_any_vector&) = delete;
  when_any_vector& operator=(const when_any_vector&) = delete;

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> parent) {
    WAITWORK_CHECK(!children_.empty(), "the first of no tasks never comes");
    return first_.start(parent, stop_of(parent), [this](auto&& start) {
      for (task<T>& child : children_) start(child);
    });
  }
  any_result<T> await_resume() {
    std::size_t winner = 0;
    while (!first_.won(children_[winner].handle())) ++winner;
    if constexpr (std::is_void_v<T>) {
      take(children_[winner]);
      rethrow_losers(winner);
      return any_result<void>{winner};
    } else {
      any_result<T> won{winner, take(children_[winner])};
      rethrow_losers(winner);
      return won;
    }
  }

 private:
  void rethrow_losers(std::size_t winner) {
    for (std::size_t index = 0; index < children_.size(); ++index) {
      if (index != winner) rethrow_unless_cancelled(children_[index]);
    }
  }

  std::vector<task<T>> children_;
  first_done first_;
};

}  // namespace detail

// At least one child.
template <class First, class... Rest>
[[nodiscard]] detail::when_any_tuple<First, Rest...> when_any(task<First> first, task<Rest>... rest) noexcept {
  return detail::when_any_tuple<First, Rest...>(std::move(first), std::move(rest)...);
}

// At least one child.
template <class T>
[[nodiscard]] detail::when_any_vector<T> when_any(std::vector<task<T>> children) noexcept {
  return detail::when_any_vector<T>(std::move(children));
}

}  // namespace waitwork
