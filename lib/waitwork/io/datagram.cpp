// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/datagram.hpp>

#include <cerrno>

#include <waitwork/io/ring.hpp>

namespace waitwork {

void send_to_operation::prepare(io_uring_sqe& entry) noexcept {
  // The kernel reads all three and writes to none.
  part_ = {const_cast<std::byte*>(data_.data()), data_.size()};
  message_.msg_name = const_cast<sockaddr*>(peer_.address());
  message_.msg_namelen = peer_.address_bytes();
  message_.msg_iov = &part_;
  message_.msg_iovlen = 1;
  io_uring_prep_sendmsg(&entry, socket_.number(), &message_, MSG_NOSIGNAL);
  entry.flags |= socket_.request_flags();
}

void receive_from_operation::prepare(io_uring_sqe& entry) noexcept {
  part_ = {buffer_.data(), buffer_.size()};
  message_.msg_name = sender_.address_to_fill();
  message_.msg_namelen = endpoint::capacity_bytes;
  message_.msg_iov = &part_;
  message_.msg_iovlen = 1;
  io_uring_prep_recvmsg(&entry, socket_.number(), &message_, 0);
  entry.flags |= socket_.request_flags();
}

result<received_datagram> receive_from_operation::await_resume() noexcept {
  const result<std::size_t> moved = count();
  if (!moved) return std::unexpected(moved.error());
  sender_.set_address_bytes(message_.msg_namelen);
  return received_datagram{*moved, sender_, (message_.msg_flags & MSG_TRUNC) != 0};
}

result<unique_fd> datagram_socket(const endpoint& local, bool reuse_port) noexcept {
  unique_fd socket(::socket(local.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return errno_error(errno);
  const int on = 1;
  if (reuse_port && ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    return errno_error(errno);
  }
  if (::bind(socket.get(), local.address(), local.address_bytes()) != 0) return errno_error(errno);
  return socket;
}

}  // namespace waitwork
