// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/socket.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <utility>

#include <waitwork/io/ring.hpp>
#include <waitwork/io/transfer.hpp>

namespace waitwork {

static_assert(static_cast<unsigned>(receive_start::wait_first) == IORING_RECVSEND_POLL_FIRST);

result<unique_fd> stream_socket(int family) noexcept {
  unique_fd made(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!made) return errno_error(errno);
  const int on = 1;
  if (family != AF_UNIX && ::setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    return errno_error(errno);
  }
  return made;
}

void accept_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_accept(&entry, listener_.number(), nullptr, nullptr, SOCK_CLOEXEC);
  entry.flags |= listener_.request_flags();
}

result<unique_fd> accept_operation::await_resume() noexcept {
  if (answer() < 0) return errno_error(-answer());
  return unique_fd(answer());
}

void connect_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_connect(&entry, socket_.number(), peer_.address(), peer_.address_bytes());
  entry.flags |= socket_.request_flags();
}

void send_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_send(&entry, socket_.number(), data_.data(), request_bytes(data_.size()), flags_ | MSG_NOSIGNAL);
  entry.flags |= socket_.request_flags();
}

void send_zero_copy_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_send_zc(&entry, socket_.number(), data_.data(), request_bytes(data_.size()), flags_ | MSG_NOSIGNAL, 0);
  entry.flags |= socket_.request_flags();
}

void receive_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_recv(&entry, socket_.number(), buffer_.data(), request_bytes(buffer_.size()), flags_);
  entry.flags |= socket_.request_flags();
  entry.ioprio = static_cast<std::uint16_t>(start_);
}

void shutdown_operation::prepare(io_uring_sqe& entry) const noexcept {
  const int how = side_ == socket_side::receiving ? SHUT_RD : side_ == socket_side::sending ? SHUT_WR : SHUT_RDWR;
  io_uring_prep_shutdown(&entry, socket_.number(), how);
  entry.flags |= socket_.request_flags();
}

task<result<unique_fd>> connect_to(endpoint peer) {
  result<unique_fd> made = stream_socket(peer.family());
  if (!made) co_return std::move(made);
  const result<void> connected = co_await connect(made->get(), peer);
  if (!connected) co_return std::unexpected(connected.error());
  co_return std::move(made);
}

task<result<void>> send_all(descriptor socket, std::span<const std::byte> data) {
  return detail::transfer_all(data, EPIPE,
                              [socket](std::span<const std::byte> left, std::size_t) { return send(socket, left); });
}

task<result<void>> receive_exactly(descriptor socket, std::span<std::byte> buffer) {
  return detail::transfer_all(buffer, ECONNRESET,
                              [socket](std::span<std::byte> left, std::size_t) { return receive(socket, left); });
}

}  // namespace waitwork
