// SPDX-License-Identifier: Apache-2.0
#pragma once
// Cancellation: a request to stop that travels from a coroutine to everything it awaits or has started.
//
//   stop_source     asks; owns a list of those who want to know
//   stop_token      the read-only view that a coroutine can hold: co_await this_task::token()
//   stop_callback   one who wants to know: every suspended wait is one
//
// The token is ambient: a task inherits it from whoever starts it, so no signature carries one. A request is
// cooperative and asynchronous: it resumes nobody inline. Each wait that hears of it arranges its own end (an operation
// asks the kernel, a timer leaves its heap) and its coroutine resumes in a later turn, when the end has come.
//   - operations with an outcome give it: result<T> with std::errc::operation_canceled;
//   - waits without one (sleep_for, yield, semaphore::acquire, ...) throw `cancelled`, because a loop that ignored it
//     would spin for ever.
// A coroutine that needs to wait while it is being cancelled, to say goodbye to a peer, awaits shielded(...).
//
// Why not std::stop_token: that one is for threads; it allocates, locks, and its callback's destructor blocks. This one
// belongs to one thread, like a loop: registering is four stores, and a wait is already in memory anyway.

#include <waitwork/base/cancelled.hpp>
#include <waitwork/base/check.hpp>

namespace waitwork {

class stop_source;

namespace detail {

struct stop_link {
  stop_link() noexcept {}

  stop_link* next = nullptr;  // null: in no list
  stop_link* previous;        // only in a list
};

}  // namespace detail

// Derive from it, privately or not. Not movable: a stop_source refers to it while it listens.
class stop_callback : private detail::stop_link {
 public:
  stop_callback() noexcept = default;
  stop_callback(const stop_callback&) = delete;
  stop_callback& operator=(const stop_callback&) = delete;

  // Hears of the next request of `source`; null: there is nobody to hear of. Not while a request is already made.
  void listen(stop_source* source) noexcept;

  // The same for a source that was seen not to have been asked yet, by a callback that does not listen.
  void join(stop_source& source) noexcept;

  // Hears of nothing any more. Fine at any time.
  void stop_listening() noexcept {
    if (next == nullptr) return;
    previous->next = next;
    next->previous = previous;
    next = nullptr;
  }

 protected:
  ~stop_callback() { stop_listening(); }

  // The request, once; this callback does not listen any more. Resumes no coroutine.
  virtual void on_stop() noexcept = 0;

 private:
  friend class stop_source;

  // Itself, if it is a source that passes the request on.
  virtual stop_source* follower() noexcept { return nullptr; }
};

class stop_source final : private stop_callback {
 public:
  stop_source() noexcept { all_.next = all_.previous = &all_; }

  // Is asked to stop also when `outer` is; null: only by itself. `outer` outlives it.
  explicit stop_source(stop_source* outer) noexcept : stop_source() { follow(outer); }
  void follow(stop_source* outer) noexcept;

  ~stop_source() { WAITWORK_CHECK(all_.next == &all_, "nothing waits under a stop_source that is destroyed"); }

  // Tells everyone who listens, to this source or to one that follows it, once. This thread only; from another one use
  // remote::request_stop.
  void request_stop() noexcept {
    requested_ = true;
    while (all_.next != &all_) {
      auto& first = static_cast<stop_callback&>(*all_.next);
      first.stop_listening();
      if (stop_source* const follower = first.follower()) {
        follower->requested_ = true;
        take_listeners(*follower);
      } else {
        first.on_stop();
      }
    }
  }

  bool stop_requested() const noexcept { return requested_; }

 private:
  friend class stop_callback;
  void on_stop() noexcept override { request_stop(); }
  stop_source* follower() noexcept override { return this; }

  // Those who listen to a follower are told before anybody else, and from here: one that asked its own followers in its
  // turn would nest as deep as scopes do.
  void take_listeners(stop_source& follower) noexcept {
    detail::stop_link& theirs = follower.all_;
    if (theirs.next == &theirs) return;
    theirs.previous->next = all_.next;
    all_.next->previous = theirs.previous;
    theirs.next->previous = &all_;
    all_.next = theirs.next;
    theirs.next = theirs.previous = &theirs;
  }

  detail::stop_link all_;
  bool requested_ = false;
};

inline void stop_callback::listen(stop_source* source) noexcept {
  if (source == nullptr) return;
  WAITWORK_CHECK(next == nullptr && !source->requested_, "a callback listens once, before the request");
  join(*source);
}

inline void stop_callback::join(stop_source& source) noexcept {
  detail::stop_link& end = source.all_;
  detail::stop_link& last = *end.previous;
  next = &end;
  previous = &last;
  last.next = this;
  end.previous = this;
}

inline void stop_source::follow(stop_source* outer) noexcept {
  if (outer == nullptr) return;
  if (outer->requested_) {
    requested_ = true;
  } else {
    listen(outer);
  }
}

// A view of the source that a coroutine runs under. Copyable; must not outlive the coroutine that it was taken in.
class stop_token {
 public:
  stop_token() noexcept = default;
  explicit stop_token(stop_source* source) noexcept : source_(source) {}

  bool stop_requested() const noexcept { return source_ != nullptr && source_->stop_requested(); }

  // For awaitables: whom to listen to; null if nobody can ask.
  stop_source* source() const noexcept { return source_; }

 private:
  stop_source* source_ = nullptr;
};

}  // namespace waitwork
