// SPDX-License-Identifier: Apache-2.0
#pragma once
// multishot: one request that completes many times, such as accepting every connection of a listener.
//
// Its state cannot live in an awaiter's frame, because completions come whether or not somebody awaits one. It lives
// on the heap; its handle (connection_stream, receive_stream) only refers to it, and when the handle dies the request
// is cancelled and the state waits for its last completion by itself: abandon().
//
// The base of those states; private to io/.

#include <coroutine>
#include <cstdint>

#include <waitwork/coro/ready_queue.hpp>

struct io_uring_sqe;

namespace waitwork {

class multishot {
 public:
  multishot(const multishot&) = delete;
  multishot& operator=(const multishot&) = delete;

  // The handle is gone: cancels the request and deletes the state after its last completion. Resumes nobody. The kernel
  // does not look at the request's descriptor any more, so it may be closed.
  void abandon() noexcept;

 protected:
  multishot() noexcept = default;
  virtual ~multishot() = default;

  // Takes a submission entry for the request. Not from on_completion, which runs while the ring is walked.
  io_uring_sqe* arm();

  // The kernel still owes completions.
  bool armed() const noexcept { return armed_; }

  // Asks the kernel to end the request. Its last completion is still to come.
  void ask_to_end() noexcept;

  // One completion; armed() is false already if it was the last. The ring is being walked: resumes and submits nothing.
  virtual void on_completion(std::int32_t answer, std::uint32_t flags) noexcept = 0;

  // Has on_drained() called when the walk is over, once.
  void call_when_drained() noexcept;

  // May submit, resumes nobody.
  virtual void on_drained() {}

  bool abandoned() const noexcept { return abandoned_; }

 private:
  friend class loop;
  void complete(std::int32_t answer, std::uint32_t flags, bool last) noexcept;
  void drained();

  bool armed_ = false;
  bool abandoned_ = false;
  bool emptied_ = false;  // the request was withdrawn before the kernel had read it
  bool deferred_ = false;
  unsigned position_ = 0;  // of the request, in the submission queue
  multishot* next_deferred_ = nullptr;
};

}  // namespace waitwork
