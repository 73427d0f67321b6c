// SPDX-License-Identifier: Apache-2.0
#pragma once
// An echo server. Every connection is a task of its own in one scope, ends when its peer does or says nothing for too
// long, and has ended before the server has.

#include <system_error>
#include <utility>

#include <waitwork/coro/scope.hpp>
#include <waitwork/io/connection_stream.hpp>
#include <waitwork/io/receive_stream.hpp>
#include <waitwork/io/socket.hpp>
#include <waitwork/io/timeout.hpp>

namespace waitwork::examples {

// Sends back what it receives, until the peer closes its side, the connection breaks, or nothing moves for `idle`. All
// three end a connection, and so does a stop: nothing here has to ask which it was.
inline task<void> echo(unique_fd connection, buffer_ring& buffers, nanoseconds idle) {
  receive_stream incoming(connection.get(), buffers);
  for (;;) {
    const result<received> chunk = co_await with_timeout(idle, incoming.next());
    if (!chunk || chunk->empty()) co_return;
    const result<void> sent = co_await with_timeout(idle, send_all(connection.get(), chunk->bytes()));
    if (!sent) co_return;
  }
}

// Serves every connection that comes to `listener`, until it is stopped.
inline task<void> serve_echo(int listener, buffer_ring& buffers, nanoseconds idle) {
  auto accepting = [&, listener, idle](scope& connections) -> task<void> {
    connection_stream incoming(listener);
    for (;;) {
      result<unique_fd> connection = co_await incoming.next();
      if (connection) {
        connections.spawn(echo(std::move(*connection), buffers, idle));
      } else if (connection.error() == std::errc::operation_canceled) {
        co_return;
      } else {
        co_await sleep_for(std::chrono::milliseconds(10));  // no descriptor left, perhaps: some connection will end
      }
    }
  };
  co_await with_scope(accepting);
}

}  // namespace waitwork::examples
