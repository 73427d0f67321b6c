#include <waitwork/io/file.hpp>

#include <fcntl.h>

#include <cerrno>

#include <waitwork/io/ring.hpp>

namespace waitwork {
void open_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_openat(&entry, AT_FDCWD, path_, flags_ | O_CLOEXEC, mode_);
}

result<unique_fd> open_operation::await_resume() noexcept {
  if (answer() < 0) return errno_error(-answer());
  return unique_fd(answer());
}

void read_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_read(&entry, fd_, buffer_.data(), request_bytes(buffer_.size()), offset_bytes_);
}

void write_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_write(&entry, fd_, buffer_.data(), request_bytes(buffer_.size()),
                      offset_bytes_);
}

void sync_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_fsync(&entry, fd_, data_only_ ? IORING_FSYNC_DATASYNC : 0);
}

task<result<void>> read_exactly_at(int fd, std::span<std::byte> buffer, std::uint64_t offset_bytes) {
  while (!buffer.empty()) {
    const result<std::size_t> moved = co_await read_at(fd, buffer, offset_bytes);
    if (!moved) co_return std::unexpected(moved.error());
    if (*moved == 0) co_return errno_error(ENODATA);
    buffer = buffer.subspan(*moved);
    offset_bytes += *moved;
  }
  co_return result<void>();
}

task<result<void>> write_all_at(int fd, std::span<const std::byte> buffer, std::uint64_t offset_bytes) {
  while (!buffer.empty()) {
    const result<std::size_t> moved = co_await write_at(fd, buffer, offset_bytes);
    if (!moved) co_return std::unexpected(moved.error());
    if (*moved == 0) co_return errno_error(ENOSPC);
    buffer = buffer.subspan(*moved);
    offset_bytes += *moved;
  }
  co_return result<void>();
}

}  // namespace waitwork
