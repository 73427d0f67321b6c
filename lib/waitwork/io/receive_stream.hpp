// SPDX-License-Identifier: Apache-2.0
#pragma once
// receive_stream: everything that comes in on a stream socket, by one request that stays in the kernel (multishot
// receive into a buffer_ring).
//
//   receive_stream incoming(socket, buffers);
//   for (;;) {
//     const result<received> chunk = co_await incoming.next();
//     if (!chunk || chunk->empty()) break;                       // an error, or the peer has closed its side
//     ...
//   }
//
// Against receive(): no request per message, so less CPU; and no buffer per waiting connection. What has come waits in
// the stream until it is asked for, so a peer that sends faster than it is read can use up the ring's buffers; the
// streams that find none wait until one is given back.

#include <cstdint>

#include <waitwork/base/result.hpp>
#include <waitwork/io/buffer_ring.hpp>
#include <waitwork/io/stream_wait.hpp>

namespace waitwork {

namespace detail {
class receive_state;
}

class receive_stream {
 public:
  // Asks the kernel for nothing before the first next(). The descriptor must stay open while the stream lives; close it
  // after. The ring must live when the stream is made.
  receive_stream(int fd, buffer_ring& buffers);

  // Ends the request; what has not been asked for is lost. A loop's run() waits for the kernel to have let go.
  ~receive_stream();
  receive_stream(const receive_stream&) = delete;
  receive_stream& operator=(const receive_stream&) = delete;

  class next_awaiter final : public detail::stream_wait {
   public:
    explicit next_awaiter(detail::receive_state& stream) noexcept;
    result<received> await_resume() noexcept;

   private:
    detail::receive_state& state_;
  };

  // The next bytes, in the order in which they came; does not suspend if they are here already. Empty: the peer has
  // closed its side. A stop gives operation_canceled and loses nothing: the next call goes on where this one
  // stopped. One coroutine at a time.
  [[nodiscard]] next_awaiter next() noexcept { return next_awaiter(*state_); }

 private:
  detail::receive_state* state_;
};

}  // namespace waitwork
