#pragma once
// Sockets: accept, connect, send and receive as awaitables (contract in operation.hpp).
//
// Descriptors should be in blocking mode: io_uring then waits for readiness itself. send never raises SIGPIPE.
// send and receive do one request and may move fewer bytes than asked; send_all and receive_exactly go on.

#include <waitwork/base/unique_fd.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/endpoint.hpp>
#include <waitwork/io/operation.hpp>

#include <cstddef>
#include <span>

namespace waitwork {

class accept_operation final : public operation_of<accept_operation> {
 public:
  explicit accept_operation(int listener) noexcept : listener_(listener) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<unique_fd> await_resume() noexcept;

 private:
  int listener_;
};

class connect_operation final : public operation_of<connect_operation> {
 public:
  connect_operation(int fd, const endpoint& peer) noexcept : fd_(fd), peer_(peer) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<void> await_resume() const noexcept { return nothing(); }

 private:
  int fd_;
  const endpoint& peer_;
};

class send_operation final : public operation_of<send_operation> {
 public:
  send_operation(int fd, std::span<const std::byte> data, int flags) noexcept
      : fd_(fd), data_(data), flags_(flags) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<std::size_t> await_resume() const noexcept { return count(); }

 private:
  int fd_;
  std::span<const std::byte> data_;
  int flags_;
};

class receive_operation final : public operation_of<receive_operation> {
 public:
  receive_operation(int fd, std::span<std::byte> buffer, int flags) noexcept
      : fd_(fd), buffer_(buffer), flags_(flags) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<std::size_t> await_resume() const noexcept { return count(); }

 private:
  int fd_;
  std::span<std::byte> buffer_;
  int flags_;
};

// Takes the next connection of a listening socket.
[[nodiscard]] inline accept_operation accept(int listener) noexcept { return accept_operation(listener); }

// Connects a stream socket, or sets the peer of a datagram socket. `peer` must stay alive until resumed.
[[nodiscard]] inline connect_operation connect(int fd, const endpoint& peer) noexcept {
  return {fd, peer};
}

// Sends up to data.size() bytes. `flags` as send(2); MSG_NOSIGNAL is added.
[[nodiscard]] inline send_operation send(int fd, std::span<const std::byte> data, int flags = 0) noexcept {
  return {fd, data, flags};
}

// Receives up to buffer.size() bytes; 0 when the peer has closed its side. `flags` as recv(2).
[[nodiscard]] inline receive_operation receive(int fd, std::span<std::byte> buffer,
                                               int flags = 0) noexcept {
  return {fd, buffer, flags};
}

// Sends all of `data`.
[[nodiscard]] task<result<void>> send_all(int fd, std::span<const std::byte> data);

// Receives exactly buffer.size() bytes; a peer that closes before that is errc::connection_reset.
[[nodiscard]] task<result<void>> receive_exactly(int fd, std::span<std::byte> buffer);

}  // namespace waitwork
