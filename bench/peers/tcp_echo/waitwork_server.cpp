// SPDX-License-Identifier: Apache-2.0
// The echo server on our runtime: a coroutine for each connection, and one that waits for the end.

#include <array>
#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

#include <waitwork/base/unique_fd.hpp>
#include <waitwork/coro/scope.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/connection_stream.hpp>
#include <waitwork/io/file.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/socket.hpp>

#include <peers/tcp_echo/echo_servers.hpp>
#include <workloads/io/echo_server.hpp>

namespace waitwork::bench {
namespace {

constexpr std::size_t receive_bytes = 4096;

task<void> echo(unique_fd socket, server_page& page) {
  std::array<std::byte, receive_bytes> buffer;
  for (;;) {
    const result<std::size_t> received = co_await receive(socket.get(), buffer);
    if (!received || *received == 0) co_return;
    const result<void> sent = co_await send_all(socket.get(), std::span(buffer).first(*received));
    if (!sent) co_return;
    page.system_calls.store(loop::current().counters().enters, std::memory_order_relaxed);
  }
}

task<void> stop_when_told(scope& server) {
  std::array<std::byte, 1> nothing;
  co_await read_at(echo_control_fd, nothing, 0);  // gives 0 bytes when the other end of the pipe is closed
  server.request_stop();
}

task<void> serve(server_page& page) {
  auto body = [&page](scope& server) -> task<void> {
    server.spawn(stop_when_told(server));
    connection_stream incoming(echo_listener_fd);
    for (;;) {
      result<unique_fd> accepted = co_await incoming.next();
      if (accepted) {
        server.spawn(echo(std::move(*accepted), page));
      } else if (server.stop_requested()) {
        co_return;
      } else if (accepted.error() != std::errc::connection_aborted) {
        throw std::system_error(accepted.error(), "accept");
      }
    }
  };
  co_await with_scope(body);
}

}  // namespace

void serve_with_waitwork(server_page& page) {
  loop here;
  here.run(serve(page));
}

}  // namespace waitwork::bench
