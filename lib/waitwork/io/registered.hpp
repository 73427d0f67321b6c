// SPDX-License-Identifier: Apache-2.0
#pragma once
// registered_file, registered_buffer: what a loop uses again and again, made known to the kernel once.
//
//   registered_file file(fd.get());                        // spares each request the look-up of its descriptor
//   registered_buffer pool(1 << 20);                       // spares each request the pinning of its pages
//   result<std::size_t> n = co_await read_at(file, pool.part(0, 4096), offset_bytes);
//
// For long-lived files that are read or written all the time. 4 KiB reads from the page cache, 64 in flight, cost 0.92
// of the CPU with both (1.06 against 1.16 us); direct reads of a virtio disk at 3.5 us did not tell them apart (11
// interleaved runs on a busy machine of two CPUs).
//
// Both belong to one loop, are made and destroyed on its thread, and end before it does. Any part of a registered
// buffer can be used, also by several operations at a time: one large buffer that the caller divides is better than
// many. Making and destroying one is a system call.
//
// The constructors throw environment_error if the kernel refuses (table full, no descriptor), unsupported_error where
// it has no such tables (before Linux 5.19) or the memlock limit leaves no room in them.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/descriptor.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/operation.hpp>

namespace waitwork {

// How many of each a loop can have at a time; of files no more than the process may open (RLIMIT_NOFILE). A slot costs
// the kernel eight bytes.
inline constexpr unsigned registered_files_most = 4096;
inline constexpr unsigned registered_buffers_most = 4096;

class registered_file {
 public:
  // `fd` stays the caller's. It may be closed at once: the file itself stays open until this is destroyed.
  explicit registered_file(int fd, loop& home = loop::current());
  registered_file(registered_file&& other) noexcept : ring_(std::exchange(other.ring_, nullptr)), slot_(other.slot_) {}
  registered_file& operator=(registered_file&& other) noexcept {
    std::swap(ring_, other.ring_);
    std::swap(slot_, other.slot_);
    return *this;
  }
  ~registered_file();

  // In place of an int wherever io/ takes a descriptor. Not by close(), stat() and paths: those want a real one.
  operator descriptor() const noexcept { return descriptor::of_slot(slot_); }

 private:
  ring* ring_;  // null: moved from
  unsigned slot_;
};

// Bytes within a registered_buffer. Refers, does not own.
class registered_span {
 public:
  registered_span(std::span<std::byte> bytes, unsigned slot) noexcept : bytes_(bytes), slot_(slot) {}

  std::span<std::byte> bytes() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return bytes_.size(); }
  bool empty() const noexcept { return bytes_.empty(); }
  unsigned slot() const noexcept { return slot_; }

  // As std::span's.
  registered_span first(std::size_t count) const noexcept { return {bytes_.first(count), slot_}; }
  registered_span subspan(std::size_t offset_bytes) const noexcept { return {bytes_.subspan(offset_bytes), slot_}; }

 private:
  std::span<std::byte> bytes_;
  unsigned slot_;
};

class registered_buffer {
 public:
  // Zeroed memory aligned for direct I/O, at most 1 GiB, pinned: it counts against RLIMIT_MEMLOCK.
  explicit registered_buffer(std::size_t bytes, loop& home = loop::current());
  registered_buffer(registered_buffer&& other) noexcept
      : memory_(std::move(other.memory_)), ring_(std::exchange(other.ring_, nullptr)), slot_(other.slot_) {}
  registered_buffer& operator=(registered_buffer&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(ring_, other.ring_);
    std::swap(slot_, other.slot_);
    return *this;
  }
  ~registered_buffer();

  std::size_t size() const noexcept { return memory_.size(); }
  std::span<std::byte> bytes() noexcept { return memory_.span(); }
  registered_span all() noexcept { return {memory_.span(), slot_}; }

  // `count` bytes from `offset_bytes` on, which must lie within.
  registered_span part(std::size_t offset_bytes, std::size_t count) noexcept {
    WAITWORK_CHECK(offset_bytes <= size() && count <= size() - offset_bytes, "a part lies within its buffer");
    return {memory_.span().subspan(offset_bytes, count), slot_};
  }

 private:
  aligned_buffer<std::byte> memory_;
  ring* ring_;  // null: moved from
  unsigned slot_;
};

class read_registered_operation final : public operation_of<read_registered_operation> {
 public:
  static constexpr bool urgent = true;
  read_registered_operation(descriptor file, registered_span buffer, std::uint64_t offset_bytes) noexcept
      : file_(file), buffer_(buffer), offset_bytes_(offset_bytes) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<std::size_t> await_resume() const noexcept { return count(); }

 private:
  descriptor file_;
  registered_span buffer_;
  std::uint64_t offset_bytes_;
};

class write_registered_operation final : public operation_of<write_registered_operation> {
 public:
  static constexpr bool urgent = true;
  write_registered_operation(descriptor file, registered_span buffer, std::uint64_t offset_bytes) noexcept
      : file_(file), buffer_(buffer), offset_bytes_(offset_bytes) {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<std::size_t> await_resume() const noexcept { return count(); }

 private:
  descriptor file_;
  registered_span buffer_;
  std::uint64_t offset_bytes_;
};

// The functions of file.hpp of the same names, into and out of a registered buffer. `file` may be a registered_file or
// a plain descriptor; a registered_file with a plain buffer is file.hpp's.
[[nodiscard]] inline read_registered_operation read_at(descriptor file, registered_span buffer,
                                                       std::uint64_t offset_bytes) noexcept {
  return {file, buffer, offset_bytes};
}
[[nodiscard]] inline write_registered_operation write_at(descriptor file, registered_span data,
                                                         std::uint64_t offset_bytes) noexcept {
  return {file, data, offset_bytes};
}
[[nodiscard]] task<result<void>> read_exactly_at(descriptor file, registered_span buffer, std::uint64_t offset_bytes);
[[nodiscard]] task<result<void>> write_all_at(descriptor file, registered_span data, std::uint64_t offset_bytes);

}  // namespace waitwork
