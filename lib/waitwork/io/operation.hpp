#pragma once
// operation: one request to the kernel, from submission to its last completion.
//
// The operation is the awaiter and lives in the frame of the coroutine that awaits it: no allocation, and its address
// is the request's user_data. Consequently a frame must not be destroyed while an operation of it is in flight, and
// the awaiter can be neither copied nor moved. The request is written in await_suspend, so an operation that is never
// awaited is never submitted.
//
// Contract of every awaitable in io/: it resumes on its loop's thread, from the loop's turn, never inside
// await_suspend. Buffers belong to the caller and must stay alive and untouched until then; paths and addresses too.

#include <waitwork/base/result.hpp>
#include <waitwork/coro/ready_queue.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>

struct io_uring_sqe;

namespace waitwork {

class operation : public ready_node {
 public:
  operation() noexcept = default;
  operation(const operation&) = delete;
  operation& operator=(const operation&) = delete;
  bool await_ready() const noexcept { return false; }

  // Called by the loop with what the kernel answered: a count or descriptor, or a negative errno.
  void complete(std::int32_t answer) noexcept { answer_ = answer; }

 protected:
  ~operation() = default;

  // What one request may ask for: its length is 32 bits, and the kernel itself stops at 2 GiB less one page.
  static unsigned request_bytes(std::size_t bytes) noexcept {
    constexpr std::size_t most = 0x7ffff000;
    return static_cast<unsigned>(bytes < most ? bytes : most);
  }

  // Takes a submission entry of the current loop, for `self` to be resumed by its completion.
  io_uring_sqe* submit(std::coroutine_handle<> self);

  // The answer as a byte count or descriptor, or as nothing.
  result<std::size_t> count() const noexcept {
    if (answer_ < 0) return errno_error(-answer_);
    return static_cast<std::size_t>(answer_);
  }
  result<void> nothing() const noexcept {
    if (answer_ < 0) return errno_error(-answer_);
    return {};
  }
  std::int32_t answer() const noexcept { return answer_; }

 private:
  std::int32_t answer_ = 0;
};

}  // namespace waitwork
