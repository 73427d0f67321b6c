// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files: open, close, read, write, sync and size as awaitables (contract in operation.hpp). What works on names is in
// file_system.hpp, registered buffers in registered.hpp.
//
// read and write do one request and may move fewer bytes than asked, as the system calls do; the forms that say exactly
// and all go on until everything has moved. Direct I/O (O_DIRECT) completes from the device's interrupt; buffered
// reads that miss the page cache, sync, open and the like are run by the kernel on worker threads of this process.
//
// Cancellation: a read or write that waits (for a pipe, a terminal) or is still queued ends with operation_canceled,
// and has moved nothing. One that a worker or the device already runs cannot be recalled: it completes, and its outcome
// says so. Stopped in the middle, an exact form gives operation_canceled, and an unknown part has moved.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <waitwork/base/unique_fd.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/descriptor.hpp>
#include <waitwork/io/operation.hpp>

struct iovec;

namespace waitwork {

class open_operation final : public operation_of<open_operation> {
 public:
  open_operation(const char* path, int flags, unsigned mode) noexcept : path_(path), flags_(flags), mode_(mode) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<unique_fd> await_resume() noexcept;

 private:
  const char* path_;
  int flags_;
  unsigned mode_;
};

class close_operation final : public operation_of<close_operation> {
 public:
  static constexpr bool cancellable = false;
  explicit close_operation(unique_fd&& closed) noexcept : closed_(std::move(closed)) {}
  void prepare(io_uring_sqe& entry) noexcept;
  result<void> await_resume() const noexcept { return nothing(); }

 private:
  unique_fd closed_;
};

class read_operation final : public operation_of<read_operation> {
 public:
  static constexpr bool urgent = true;

  read_operation(descriptor file, std::span<std::byte> buffer, std::uint64_t offset_bytes) noexcept
      : file_(file), buffer_(buffer), offset_bytes_(offset_bytes) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<std::size_t> await_resume() const noexcept { return count(); }

 private:
  descriptor file_;
  std::span<std::byte> buffer_;
  std::uint64_t offset_bytes_;
};

class write_operation final : public operation_of<write_operation> {
 public:
  static constexpr bool urgent = true;

  write_operation(descriptor file, std::span<const std::byte> data, std::uint64_t offset_bytes) noexcept
      : file_(file), data_(data), offset_bytes_(offset_bytes) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<std::size_t> await_resume() const noexcept { return count(); }

 private:
  descriptor file_;
  std::span<const std::byte> data_;
  std::uint64_t offset_bytes_;
};

class vectored_operation final : public operation_of<vectored_operation> {
 public:
  static constexpr bool urgent = true;
  enum class direction { read, write };
  vectored_operation(direction way, descriptor file, std::span<const iovec> parts, std::uint64_t offset_bytes) noexcept
      : way_(way), file_(file), parts_(parts), offset_bytes_(offset_bytes) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<std::size_t> await_resume() const noexcept { return count(); }

 private:
  direction way_;
  descriptor file_;
  std::span<const iovec> parts_;
  std::uint64_t offset_bytes_;
};

class sync_operation final : public operation_of<sync_operation> {
 public:
  static constexpr bool urgent = true;
  sync_operation(descriptor file, bool data_only) noexcept : file_(file), data_only_(data_only) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<void> await_resume() const noexcept { return nothing(); }

 private:
  descriptor file_;
  bool data_only_;
};

class allocate_operation final : public operation_of<allocate_operation> {
 public:
  allocate_operation(descriptor file, std::uint64_t offset_bytes, std::uint64_t bytes, int mode) noexcept
      : file_(file), offset_bytes_(offset_bytes), bytes_(bytes), mode_(mode) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<void> await_resume() const noexcept { return nothing(); }

 private:
  descriptor file_;
  std::uint64_t offset_bytes_;
  std::uint64_t bytes_;
  int mode_;
};

class truncate_operation final : public operation_of<truncate_operation> {
 public:
  truncate_operation(descriptor file, std::uint64_t bytes) noexcept : file_(file), bytes_(bytes) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<void> await_resume() const noexcept;

 private:
  descriptor file_;
  std::uint64_t bytes_;
};

// Opens `path` (null-terminated, alive until resumed) with open(2)'s flags; O_CLOEXEC is added. A FIFO is not waited
// for: io_uring opens it as if with O_NONBLOCK, so for writing only if it has a reader
// (errc::no_such_device_or_address). A file that was opened although a stop was requested is given all the same;
// nothing leaks if the caller has gone another way by then.
[[nodiscard]] inline open_operation open_file(const char* path, int flags, unsigned mode = 0666) noexcept {
  return {path, flags, mode};
}

// Closes a file or socket. It is given up now, and closed even if this is never awaited. Not cancellable; whatever the
// outcome says (EIO: an earlier write has failed), the descriptor is gone. Nothing may be in flight on it: the kernel
// would not end that. For local files, the destructor of unique_fd is as good; this one does not stall the loop where
// closing means work (a network file system, SO_LINGER).
[[nodiscard]] inline close_operation close(unique_fd&& closed) noexcept { return close_operation(std::move(closed)); }

// Reads up to buffer.size() bytes at `offset_bytes`; 0 at the end of the file.
[[nodiscard]] inline read_operation read_at(descriptor file, std::span<std::byte> buffer,
                                            std::uint64_t offset_bytes) noexcept {
  return {file, buffer, offset_bytes};
}

// Writes up to data.size() bytes at `offset_bytes`.
[[nodiscard]] inline write_operation write_at(descriptor file, std::span<const std::byte> data,
                                              std::uint64_t offset_bytes) noexcept {
  return {file, data, offset_bytes};
}

// The same into and out of several pieces of memory, one after the other: readv, writev. The array of `parts` must stay
// alive until resumed, like the memory. At most 1024 parts (IOV_MAX): errc::invalid_argument.
[[nodiscard]] inline vectored_operation read_at(descriptor file, std::span<const iovec> parts,
                                                std::uint64_t offset_bytes) noexcept {
  return {vectored_operation::direction::read, file, parts, offset_bytes};
}
[[nodiscard]] inline vectored_operation write_at(descriptor file, std::span<const iovec> parts,
                                                 std::uint64_t offset_bytes) noexcept {
  return {vectored_operation::direction::write, file, parts, offset_bytes};
}

// Reads exactly buffer.size() bytes; a file that ends before that is errc::no_message_available (ENODATA).
[[nodiscard]] task<result<void>> read_exactly_at(descriptor file, std::span<std::byte> buffer,
                                                 std::uint64_t offset_bytes);

// Writes all of `data`.
[[nodiscard]] task<result<void>> write_all_at(descriptor file, std::span<const std::byte> data,
                                              std::uint64_t offset_bytes);

// For what has no offsets (pipes, terminals), and to use and move the file's own position: read(2), write(2). A read
// waits for the first bytes and gives 0 when the other end is closed; a write that has no reader gives
// errc::broken_pipe and raises SIGPIPE, which the program had better ignore.
[[nodiscard]] inline read_operation read(descriptor file, std::span<std::byte> buffer) noexcept {
  return {file, buffer, ~std::uint64_t{0}};
}
[[nodiscard]] inline write_operation write(descriptor file, std::span<const std::byte> data) noexcept {
  return {file, data, ~std::uint64_t{0}};
}
[[nodiscard]] task<result<void>> read_exactly(descriptor file, std::span<std::byte> buffer);
[[nodiscard]] task<result<void>> write_all(descriptor file, std::span<const std::byte> data);

// Makes the file's data (and the metadata needed to read it back) durable: fdatasync(2).
[[nodiscard]] inline sync_operation sync_data(descriptor file) noexcept { return {file, true}; }

// Makes data and all metadata durable: fsync(2).
[[nodiscard]] inline sync_operation sync_all(descriptor file) noexcept { return {file, false}; }

// Reserves space on the device for `bytes` bytes from `offset_bytes` on, so that writing there cannot fail for lack of
// it; the file grows if need be, new bytes are zero. `mode` as fallocate(2)'s: keep the size, punch a hole.
// errc::operation_not_supported where the file system cannot.
[[nodiscard]] inline allocate_operation allocate(descriptor file, std::uint64_t offset_bytes, std::uint64_t bytes,
                                                 int mode = 0) noexcept {
  return {file, offset_bytes, bytes, mode};
}

// Makes the file `bytes` bytes long: cuts it off, or extends it with zeros. errc::operation_not_supported before
// Linux 6.9: ftruncate(2) does it there, and blocks.
[[nodiscard]] inline truncate_operation truncate(descriptor file, std::uint64_t bytes) noexcept {
  return {file, bytes};
}

}  // namespace waitwork
