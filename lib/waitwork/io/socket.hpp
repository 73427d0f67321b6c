// SPDX-License-Identifier: Apache-2.0
#pragma once
// Stream sockets, TCP and Unix: connect, accept, send, receive and shutdown as awaitables (contract in operation.hpp).
// To listen, and to accept many: listener.hpp. Datagrams: datagram.hpp. close() is in file.hpp.
//
// Descriptors should be in blocking mode: io_uring then waits for readiness itself; in non-blocking mode everything
// that would wait gives errc::resource_unavailable_try_again. Sending never raises SIGPIPE: errc::broken_pipe. send and
// receive do one request and may move fewer bytes than asked; send_all and receive_exactly go on.
//
// Cancellation: a send or receive that gives operation_canceled has moved nothing; if part of it had moved, it gives
// that. Of send_all and receive_exactly an unknown part has moved: the stream is of no further use.

#include <cstddef>
#include <cstdint>
#include <span>

#include <waitwork/base/unique_fd.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/descriptor.hpp>
#include <waitwork/io/endpoint.hpp>
#include <waitwork/io/operation.hpp>

namespace waitwork {

// How a receive begins.
enum class receive_start : std::uint16_t {
  try_first = 0,   // look at the socket, then wait: one step when data is there already
  wait_first = 1,  // wait at once (IORING_RECVSEND_POLL_FIRST): spares a look that would be in vain, as after sending a
                   // request whose answer takes a while; an echo server over loopback did not tell the two apart
};

enum class socket_side : std::uint8_t { receiving, sending, both };

class accept_operation final : public operation_of<accept_operation> {
 public:
  explicit accept_operation(descriptor listener) noexcept : listener_(listener) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<unique_fd> await_resume() noexcept;

 private:
  descriptor listener_;
};

class connect_operation final : public operation_of<connect_operation> {
 public:
  connect_operation(descriptor socket, const endpoint& peer) noexcept : socket_(socket), peer_(peer) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<void> await_resume() const noexcept { return nothing(); }

 private:
  descriptor socket_;
  const endpoint& peer_;
};

class send_operation final : public operation_of<send_operation> {
 public:
  send_operation(descriptor socket, std::span<const std::byte> data, int flags) noexcept
      : socket_(socket), data_(data), flags_(flags) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<std::size_t> await_resume() const noexcept { return count(); }

 private:
  descriptor socket_;
  std::span<const std::byte> data_;
  int flags_;
};

class send_zero_copy_operation final : public operation_of<send_zero_copy_operation> {
 public:
  send_zero_copy_operation(descriptor socket, std::span<const std::byte> data, int flags) noexcept
      : socket_(socket), data_(data), flags_(flags) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<std::size_t> await_resume() const noexcept { return count(); }

 private:
  descriptor socket_;
  std::span<const std::byte> data_;
  int flags_;
};

class receive_operation final : public operation_of<receive_operation> {
 public:
  receive_operation(descriptor socket, std::span<std::byte> buffer, int flags, receive_start start) noexcept
      : socket_(socket), buffer_(buffer), flags_(flags), start_(start) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<std::size_t> await_resume() const noexcept { return count(); }

 private:
  descriptor socket_;
  std::span<std::byte> buffer_;
  int flags_;
  receive_start start_;
};

class shutdown_operation final : public operation_of<shutdown_operation> {
 public:
  // Never waits, and is what a connection that is being cancelled says last.
  static constexpr bool cancellable = false;
  shutdown_operation(descriptor socket, socket_side side) noexcept : socket_(socket), side_(side) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<void> await_resume() const noexcept { return nothing(); }

 private:
  descriptor socket_;
  socket_side side_;
};

// A socket for connections of this family (AF_INET, AF_INET6, AF_UNIX), close-on-exec. A TCP socket sends without
// delay: see listen_options. Does not block.
[[nodiscard]] result<unique_fd> stream_socket(int family) noexcept;

// Connects a stream socket, or sets the peer of a datagram socket. `peer` must stay alive until resumed. After any
// error, operation_canceled too, the socket is good for nothing but being closed.
[[nodiscard]] inline connect_operation connect(descriptor socket, const endpoint& peer) noexcept {
  return {socket, peer};
}

// Makes a socket and connects it; closes it again on an error or a stop.
[[nodiscard]] task<result<unique_fd>> connect_to(endpoint peer);

// Takes the next connection of a listening socket; who it is, endpoint::of_peer() tells. One that was accepted although
// a stop was requested is given all the same; nothing leaks if the caller has gone another way by then.
[[nodiscard]] inline accept_operation accept(descriptor listener) noexcept { return accept_operation(listener); }

// Sends up to data.size() bytes. `flags` as send(2); MSG_NOSIGNAL is added.
[[nodiscard]] inline send_operation send(descriptor socket, std::span<const std::byte> data, int flags = 0) noexcept {
  return {socket, data, flags};
}

// The same without copying `data` into the kernel. Resumes when the kernel needs it no longer: over TCP, when the peer
// has acknowledged it. So it takes a round trip and a second completion, and pays for large pieces only. Over loopback
// the sender's CPU was 1.5 of send's with 16 KiB, 0.6 with 64 KiB, 0.7 with 256 KiB (11 interleaved runs on a busy
// machine of two CPUs); a receiver on the same machine copies in its place. TCP and UDP only:
// errc::operation_not_supported for Unix sockets, errc::invalid_argument before Linux 6.0. A stop cannot recall what is
// sent already, and then waits for the acknowledgement like the rest.
[[nodiscard]] inline send_zero_copy_operation send_zero_copy(descriptor socket, std::span<const std::byte> data,
                                                             int flags = 0) noexcept {
  return {socket, data, flags};
}

// Receives up to buffer.size() bytes; 0 when the peer has closed its side. `flags` as recv(2).
[[nodiscard]] inline receive_operation receive(descriptor socket, std::span<std::byte> buffer, int flags = 0,
                                               receive_start start = receive_start::try_first) noexcept {
  return {socket, buffer, flags, start};
}

// Sends all of `data`.
[[nodiscard]] task<result<void>> send_all(descriptor socket, std::span<const std::byte> data);

// Receives exactly buffer.size() bytes; a peer that closes before that is errc::connection_reset.
[[nodiscard]] task<result<void>> receive_exactly(descriptor socket, std::span<std::byte> buffer);

// Ends one direction, or both. The peer then receives 0 bytes; a receive that waits here resumes with 0. Not
// cancellable.
[[nodiscard]] inline shutdown_operation shutdown(descriptor socket, socket_side side) noexcept {
  return {socket, side};
}

}  // namespace waitwork
