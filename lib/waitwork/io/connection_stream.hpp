// SPDX-License-Identifier: Apache-2.0
#pragma once
// connection_stream: the connections of a listener, by one request that stays in the kernel (multishot accept).
//
//   connection_stream incoming(listener.get());
//   for (;;) {
//     result<unique_fd> connection = co_await incoming.next();
//     if (!connection) break;
//     connections.spawn(serve(std::move(*connection)));
//   }
//
// Against accept(): no request per connection, and those that come between two turns are there at once: 0.87 of the
// server's CPU per connection (7.5 against 8.6 us over loopback, 11 interleaved runs on a busy machine of two CPUs).
// They are accepted before anybody asks for them. When many wait for next(), the stream stops accepting and goes on one
// by one until the listener's backlog is empty: what is not wanted yet stays there.

#include <cstddef>
#include <utility>

#include <waitwork/base/result.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/io/descriptor.hpp>
#include <waitwork/io/stream_wait.hpp>

namespace waitwork {

namespace detail {
class connection_state;
}

class connection_stream {
 public:
  // Asks the kernel for nothing before the first next(). The listener must stay open while the stream lives; close it
  // after. When `waiting_most` connections wait for next() no more are accepted until they are taken; what comes in the
  // same turn is on top. At least 1.
  explicit connection_stream(descriptor listener, std::size_t waiting_most = 64);

  // Ends the request, and closes the connections that nobody has taken. Nobody may wait in next(). A loop's run() waits
  // for the kernel to have let go, so the stream must end before, or inside, the task that was given to run().
  ~connection_stream();
  connection_stream(connection_stream&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  connection_stream& operator=(connection_stream&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }

  class next_awaiter final : public detail::stream_wait {
   public:
    explicit next_awaiter(detail::connection_state& stream) noexcept;
    result<unique_fd> await_resume() noexcept;

   private:
    detail::connection_state& state_;
  };

  // The next connection; does not suspend if it is here already. After an error (errc::too_many_files_open, say) the
  // stream can be used further; whoever asks again at once will likely get the same. Interruptions and connections that
  // were given up before they were accepted are passed over. A stop gives operation_canceled and loses nothing: the
  // connection stays for the next call. One coroutine at a time.
  [[nodiscard]] next_awaiter next() noexcept { return next_awaiter(*state_); }

 private:
  detail::connection_state* state_;  // null: moved from
};

}  // namespace waitwork
