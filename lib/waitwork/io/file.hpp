#pragma once
// Files: open, read, write and sync as awaitables (contract in operation.hpp).
//
// read_at and write_at do one request and may move fewer bytes than asked, as pread and pwrite do; read_exactly_at and
// write_all_at go on until everything is moved. Direct I/O (O_DIRECT) completes from the device's interrupt; buffered
// reads that miss the page cache, sync and open are run by the kernel on worker threads of this process.

#include <waitwork/base/unique_fd.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/operation.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace waitwork {

class open_operation final : public operation_of<open_operation> {
 public:
  open_operation(const char* path, int flags, unsigned mode) noexcept
      : path_(path), flags_(flags), mode_(mode) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<unique_fd> await_resume() noexcept;

 private:
  const char* path_;
  int flags_;
  unsigned mode_;
};

class read_operation final : public operation_of<read_operation> {
 public:
  read_operation(int fd, std::span<std::byte> buffer, std::uint64_t offset_bytes) noexcept
      : fd_(fd), buffer_(buffer), offset_bytes_(offset_bytes) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<std::size_t> await_resume() const noexcept { return count(); }

 private:
  int fd_;
  std::span<std::byte> buffer_;
  std::uint64_t offset_bytes_;
};

class write_operation final : public operation_of<write_operation> {
 public:
  write_operation(int fd, std::span<const std::byte> buffer, std::uint64_t offset_bytes) noexcept
      : fd_(fd), buffer_(buffer), offset_bytes_(offset_bytes) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<std::size_t> await_resume() const noexcept { return count(); }

 private:
  int fd_;
  std::span<const std::byte> buffer_;
  std::uint64_t offset_bytes_;
};

class sync_operation final : public operation_of<sync_operation> {
 public:
  sync_operation(int fd, bool data_only) noexcept : fd_(fd), data_only_(data_only) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<void> await_resume() const noexcept { return nothing(); }

 private:
  int fd_;
  bool data_only_;
};

// Opens `path` (null-terminated, alive until resumed) with open(2)'s flags; O_CLOEXEC is added.
[[nodiscard]] inline open_operation open_file(const char* path, int flags, unsigned mode = 0666) noexcept {
  return {path, flags, mode};
}

// Reads up to buffer.size() bytes at `offset_bytes`; 0 at the end of the file.
[[nodiscard]] inline read_operation read_at(int fd, std::span<std::byte> buffer,
                                            std::uint64_t offset_bytes) noexcept {
  return {fd, buffer, offset_bytes};
}

// Writes up to buffer.size() bytes at `offset_bytes`.
[[nodiscard]] inline write_operation write_at(int fd, std::span<const std::byte> buffer,
                                              std::uint64_t offset_bytes) noexcept {
  return {fd, buffer, offset_bytes};
}

// Reads exactly buffer.size() bytes; a file that ends before that is errc::no_message_available (ENODATA).
[[nodiscard]] task<result<void>> read_exactly_at(int fd, std::span<std::byte> buffer,
                                                 std::uint64_t offset_bytes);

// Writes all of `buffer`.
[[nodiscard]] task<result<void>> write_all_at(int fd, std::span<const std::byte> buffer,
                                              std::uint64_t offset_bytes);

// Makes the file's data (and the metadata needed to read it back) durable: fdatasync(2).
[[nodiscard]] inline sync_operation sync_data(int fd) noexcept { return {fd, true}; }

// Makes data and all metadata durable: fsync(2).
[[nodiscard]] inline sync_operation sync_all(int fd) noexcept { return {fd, false}; }

}  // namespace waitwork
