// SPDX-License-Identifier: Apache-2.0
#pragma once
// Datagrams, UDP and Unix: send to and receive from anyone, as awaitables (contract in operation.hpp).
//
// One call is one datagram, whole. A datagram socket that is connected (socket.hpp) can use send and receive as well.
// Descriptors should be in blocking mode.
//
// Cancellation: one that gives operation_canceled has sent or taken nothing.

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <span>

#include <waitwork/base/unique_fd.hpp>
#include <waitwork/io/descriptor.hpp>
#include <waitwork/io/endpoint.hpp>
#include <waitwork/io/operation.hpp>

namespace waitwork {

struct received_datagram {
  std::size_t bytes = 0;  // now in the buffer
  endpoint sender;
  bool truncated = false;  // the buffer was too short, and the rest is lost
};

class send_to_operation final : public operation_of<send_to_operation> {
 public:
  send_to_operation(descriptor socket, std::span<const std::byte> data, const endpoint& peer) noexcept
      : socket_(socket), data_(data), peer_(peer) {}
  void prepare(io_uring_sqe& entry) noexcept;
  result<std::size_t> await_resume() const noexcept { return count(); }

 private:
  descriptor socket_;
  std::span<const std::byte> data_;
  const endpoint& peer_;
  iovec part_{};
  msghdr message_{};
};

class receive_from_operation final : public operation_of<receive_from_operation> {
 public:
  receive_from_operation(descriptor socket, std::span<std::byte> buffer) noexcept : socket_(socket), buffer_(buffer) {}
  void prepare(io_uring_sqe& entry) noexcept;
  result<received_datagram> await_resume() noexcept;

 private:
  descriptor socket_;
  std::span<std::byte> buffer_;
  endpoint sender_;
  iovec part_{};
  msghdr message_{};
};

// A datagram socket bound to `local`, close-on-exec. `reuse_port`: other sockets of this user may be bound to it as
// well, and the kernel spreads datagrams over them by sender. An ordinary call that does not block and needs no loop.
[[nodiscard]] result<unique_fd> datagram_socket(const endpoint& local, bool reuse_port = false) noexcept;

// Sends `data` as one datagram; it may be empty. `peer` must stay alive until resumed, like the data.
// errc::message_size: longer than the protocol allows. errc::connection_refused: the last one arrived nowhere.
[[nodiscard]] inline send_to_operation send_to(descriptor socket, std::span<const std::byte> data,
                                               const endpoint& peer) noexcept {
  return {socket, data, peer};
}

// Takes the next datagram, into `buffer`. 0 bytes is a datagram without contents.
[[nodiscard]] inline receive_from_operation receive_from(descriptor socket, std::span<std::byte> buffer) noexcept {
  return {socket, buffer};
}

}  // namespace waitwork
