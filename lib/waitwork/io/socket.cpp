#include <waitwork/io/socket.hpp>

#include <cerrno>

#include <waitwork/io/ring.hpp>

namespace waitwork {

void accept_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_accept(&entry, listener_, nullptr, nullptr, SOCK_CLOEXEC);
}

result<unique_fd> accept_operation::await_resume() noexcept {
  if (answer() < 0) return errno_error(-answer());
  return unique_fd(answer());
}

void connect_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_connect(&entry, fd_, peer_.address(), peer_.address_bytes());
}

void send_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_send(&entry, fd_, data_.data(), request_bytes(data_.size()), flags_ | MSG_NOSIGNAL);
}

void receive_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_recv(&entry, fd_, buffer_.data(), request_bytes(buffer_.size()), flags_);
}

task<result<void>> send_all(int fd, std::span<const std::byte> data) {
  while (!data.empty()) {
    const result<std::size_t> moved = co_await send(fd, data);
    if (!moved) co_return std::unexpected(moved.error());
    data = data.subspan(*moved);
  }
  co_return result<void>();
}

task<result<void>> receive_exactly(int fd, std::span<std::byte> buffer) {
  while (!buffer.empty()) {
    const result<std::size_t> moved = co_await receive(fd, buffer);
    if (!moved) co_return std::unexpected(moved.error());
    if (*moved == 0) co_return errno_error(ECONNRESET);
    buffer = buffer.subspan(*moved);
  }
  co_return result<void>();
}

}  // namespace waitwork
