// SPDX-License-Identifier: Apache-2.0
// The echo server on Asio, over epoll, with completion handlers: its awaitables cost 1.0 to 1.15 of that.

#include <waitwork/base/environment_error.hpp>

#include <peers/tcp_echo/echo_servers.hpp>

#if WAITWORK_HAS_ASIO

#include <array>
#include <cstddef>
#include <memory>
#include <system_error>
#include <utility>

#include <peers/tcp_echo/counted_asio.hpp>
#include <workloads/io/echo_server.hpp>

namespace waitwork::bench {
namespace {

namespace asio = counted_asio;
using asio::ip::tcp;

class session : public std::enable_shared_from_this<session> {
 public:
  session(tcp::socket socket, server_page& page) : socket_(std::move(socket)), page_(page) {}

  void receive() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](std::error_code error, std::size_t received) {
                              if (!error) self->reply(received);
                            });
  }

 private:
  void reply(std::size_t bytes) {
    asio::async_write(socket_, asio::buffer(buffer_, bytes),
                      [self = shared_from_this()](std::error_code error, std::size_t) {
                        self->page_.system_calls.store(counted_calls, std::memory_order_relaxed);
                        if (!error) self->receive();
                      });
  }

  tcp::socket socket_;
  server_page& page_;
  std::array<std::byte, 4096> buffer_;
};

void accept_next(tcp::acceptor& listener, server_page& page) {
  listener.async_accept([&listener, &page](std::error_code error, tcp::socket socket) {
    if (error && error != std::errc::connection_aborted) throw std::system_error(error, "accept");
    if (!error) std::make_shared<session>(std::move(socket), page)->receive();
    accept_next(listener, page);
  });
}

}  // namespace

void require_asio() {}

void serve_with_asio(server_page& page) {
  asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);  // one thread: no locks
  tcp::acceptor listener(context, tcp::v4(), echo_listener_fd);
  asio::posix::stream_descriptor control(context, echo_control_fd);
  control.async_wait(asio::posix::stream_descriptor::wait_read, [&context](std::error_code) { context.stop(); });
  accept_next(listener, page);
  context.run();
}

}  // namespace waitwork::bench

#else

namespace waitwork::bench {

void require_asio() {
  throw unsupported_error("compare with", "Asio", "this program was built without it",
                          "install it (scripts/packages peers), configure and build again");
}

void serve_with_asio(server_page&) { require_asio(); }

}  // namespace waitwork::bench

#endif
