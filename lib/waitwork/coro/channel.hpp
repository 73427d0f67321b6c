// SPDX-License-Identifier: Apache-2.0
#pragma once
// channel: values from some coroutines of a loop to others, in order, at the pace of the slower side.
//
//   channel<request> queue(32);
//   const bool sent = co_await queue.send(std::move(order));            // waits while 32 are under way
//   ...
//   while (std::optional<request> next = co_await queue.receive()) {   // waits while there are none
//     ...
//   }                                                                  // closed, and everything before that received
//
// First come, first served on both sides. Capacity 0 is a meeting: a value passes when a sender and a receiver are both
// there. The ring is allocated once, by the constructor; sending and receiving allocate nothing.
//
// No value is lost silently. close() says that nothing is sent from then on: what is in the ring can still be received,
// and a sender that waits for room is told false, like every later one; its value was not sent. Either side may close,
// so a receiver that leaves does not leave its senders waiting. A value that was handed to a waiting receiver is
// received, also if the receiver is stopped before it resumes; one that reaches the loser of a when_any is destroyed
// with the other things that losers give. Waits are those of wait_list.hpp.

#include <coroutine>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <waitwork/coro/wait_list.hpp>

namespace waitwork {

template <class T>
class channel {
  static_assert(std::is_nothrow_move_constructible_v<T>, "a hand-over cannot fail half-way");

 public:
  // `capacity` values can be under way. Throws std::bad_alloc.
  explicit channel(std::size_t capacity) : slots_(capacity) {}
  // Destroys what was not received.
  ~channel() = default;
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  class sending final : public detail::list_waiter {
   public:
    sending(channel& to, T&& value) noexcept : channel_(to), value_(std::move(value)) {}
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
      return suspend(self, channel_.senders_, [this]() noexcept {
        sent_ = channel_.try_send(value_);
        return sent_ || channel_.closed_;
      });
    }
    bool await_resume() const {
      throw_if_stopped();
      return sent_;
    }

   private:
    friend class channel;
    channel& channel_;
    T value_;
    bool sent_ = false;
  };

  class receiving final : public detail::list_waiter {
   public:
    explicit receiving(channel& from) noexcept : channel_(from) {}
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
      return suspend(self, channel_.receivers_, [this]() noexcept {
        channel_.take_oldest(value_);
        return value_.has_value() || channel_.closed_;
      });
    }
    std::optional<T> await_resume() {
      throw_if_stopped();
      return std::move(value_);
    }

   private:
    friend class channel;
    channel& channel_;
    std::optional<T> value_;
  };

  // True: `value` is under way or received. False: the channel is closed, and the value was not sent. Throws
  // `cancelled` on a stop; the value was not sent then either.
  [[nodiscard]] sending send(T value) noexcept { return sending(*this, std::move(value)); }

  // The oldest value; empty if the channel is closed and nothing is left in it. Throws `cancelled` on a stop; it has
  // taken no value then.
  [[nodiscard]] receiving receive() noexcept { return receiving(*this); }

  // Moves from `value` only if there is a receiver or room for it, and the channel is open.
  [[nodiscard]] bool try_send(T& value) noexcept {
    if (closed_) return false;
    if (!receivers_.empty()) {
      static_cast<receiving&>(receivers_.wake_oldest()).value_.emplace(std::move(value));
      return true;
    }
    if (count_ == slots_.size()) return false;
    append(std::move(value));
    return true;
  }

  // Empty if there is nothing to receive now.
  [[nodiscard]] std::optional<T> try_receive() noexcept {
    std::optional<T> oldest;
    take_oldest(oldest);
    return oldest;
  }

  // Nothing is sent from now on. Wakes everyone who waits. Closing again does nothing.
  void close() noexcept {
    closed_ = true;
    while (!receivers_.empty()) receivers_.wake_oldest();
    while (!senders_.empty()) senders_.wake_oldest();
  }

  bool is_closed() const noexcept { return closed_; }
  std::size_t size() const noexcept { return count_; }  // values in the ring
  std::size_t capacity() const noexcept { return slots_.size(); }

 private:
  // Leaves `into` empty if there is nothing. A value that is taken makes room for that of a sender who waits.
  void take_oldest(std::optional<T>& into) noexcept {
    if (count_ > 0) {
      std::optional<T>& slot = slots_[first_];
      into.emplace(std::move(*slot));
      slot.reset();
      first_ = first_ + 1 == slots_.size() ? 0 : first_ + 1;
      --count_;
      if (!senders_.empty()) append(take_from_sender());
    } else if (!senders_.empty()) {
      into.emplace(take_from_sender());
    }
  }

  T&& take_from_sender() noexcept {
    auto& sender = static_cast<sending&>(senders_.wake_oldest());
    sender.sent_ = true;
    return std::move(sender.value_);
  }

  void append(T&& value) noexcept {
    const std::size_t end = first_ + count_;
    slots_[end < slots_.size() ? end : end - slots_.size()].emplace(std::move(value));
    ++count_;
  }

  std::vector<std::optional<T>> slots_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  bool closed_ = false;
  // Receivers wait only while the ring is empty, senders only while it is full; both never at the same time.
  detail::wait_list receivers_;
  detail::wait_list senders_;
};

}  // namespace waitwork
