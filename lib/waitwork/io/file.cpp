// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/file.hpp>

#include <fcntl.h>
#include <sys/uio.h>

#include <cerrno>

#include <waitwork/io/ring.hpp>
#include <waitwork/io/transfer.hpp>

namespace waitwork {
namespace {

constexpr int ftruncate_request = 55;  // IORING_OP_FTRUNCATE, later than liburing 2.3's header

bool knows_ftruncate() noexcept {
  static const bool known = []() noexcept {
    io_uring_probe* const probe = io_uring_get_probe();
    const bool supported = probe != nullptr && io_uring_opcode_supported(probe, ftruncate_request) != 0;
    if (probe != nullptr) io_uring_free_probe(probe);
    return supported;
  }();
  return known;
}

}  // namespace

void open_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_openat(&entry, AT_FDCWD, path_, flags_ | O_CLOEXEC, mode_);
}

result<unique_fd> open_operation::await_resume() noexcept {
  if (answer() < 0) return errno_error(-answer());
  return unique_fd(answer());
}

void close_operation::prepare(io_uring_sqe& entry) noexcept { io_uring_prep_close(&entry, closed_.release()); }

void read_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_read(&entry, file_.number(), buffer_.data(), request_bytes(buffer_.size()), offset_bytes_);
  entry.flags |= file_.request_flags();
}

void write_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_write(&entry, file_.number(), data_.data(), request_bytes(data_.size()), offset_bytes_);
  entry.flags |= file_.request_flags();
}

void vectored_operation::prepare(io_uring_sqe& entry) const noexcept {
  // The count has 32 bits; the kernel refuses what is above 1024.
  const auto count = static_cast<unsigned>(parts_.size() <= IOV_MAX ? parts_.size() : IOV_MAX + 1);
  if (way_ == direction::read) {
    io_uring_prep_readv(&entry, file_.number(), parts_.data(), count, offset_bytes_);
  } else {
    io_uring_prep_writev(&entry, file_.number(), parts_.data(), count, offset_bytes_);
  }
  entry.flags |= file_.request_flags();
}

void sync_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_fsync(&entry, file_.number(), data_only_ ? IORING_FSYNC_DATASYNC : 0);
  entry.flags |= file_.request_flags();
}

void allocate_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_rw(IORING_OP_FALLOCATE, &entry, file_.number(), nullptr, static_cast<unsigned>(mode_), offset_bytes_);
  entry.addr = bytes_;  // liburing 2.3's own function takes a signed length
  entry.flags |= file_.request_flags();
}

void truncate_operation::prepare(io_uring_sqe& entry) const noexcept {
  io_uring_prep_rw(ftruncate_request, &entry, file_.number(), nullptr, 0, bytes_);
  entry.flags |= file_.request_flags();
}

// A kernel that does not know the request answers EINVAL, as one does that finds fault with the arguments.
result<void> truncate_operation::await_resume() const noexcept {
  if (answer() == -EINVAL && !knows_ftruncate()) return errno_error(ENOTSUP);
  return nothing();
}

task<result<void>> read_exactly_at(descriptor file, std::span<std::byte> buffer, std::uint64_t offset_bytes) {
  return detail::transfer_all(buffer, ENODATA,
                              [file, offset_bytes](std::span<std::byte> left, std::size_t moved_bytes) {
                                return read_at(file, left, offset_bytes + moved_bytes);
                              });
}

task<result<void>> write_all_at(descriptor file, std::span<const std::byte> data, std::uint64_t offset_bytes) {
  return detail::transfer_all(data, ENOSPC,
                              [file, offset_bytes](std::span<const std::byte> left, std::size_t moved_bytes) {
                                return write_at(file, left, offset_bytes + moved_bytes);
                              });
}

task<result<void>> read_exactly(descriptor file, std::span<std::byte> buffer) {
  return detail::transfer_all(buffer, ENODATA,
                              [file](std::span<std::byte> left, std::size_t) { return read(file, left); });
}

task<result<void>> write_all(descriptor file, std::span<const std::byte> data) {
  return detail::transfer_all(data, ENOSPC,
                              [file](std::span<const std::byte> left, std::size_t) { return write(file, left); });
}

}  // namespace waitwork
