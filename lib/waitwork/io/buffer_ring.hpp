// SPDX-License-Identifier: Apache-2.0
#pragma once
// buffer_ring: memory that the kernel takes a buffer from when data has come, instead of every waiting receive holding
// one of its own (a provided-buffer ring, io_uring_provided_buffers(7)).
//
// Ten thousand idle connections then need a few hundred buffers and not ten thousand. Belongs to one loop. A buffer
// that was filled is a `received`; when that dies, the kernel may use it again.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace waitwork {

namespace detail {
class buffer_store;
}

// Bytes that came in, in a buffer of the ring. Movable. Keep it no longer than needed: others wait for the buffer.
class received {
 public:
  received() noexcept = default;  // no bytes
  received(detail::buffer_store& store, std::uint16_t buffer, std::span<const std::byte> bytes) noexcept
      : store_(&store), buffer_(buffer), bytes_(bytes) {}
  received(received&& other) noexcept
      : store_(std::exchange(other.store_, nullptr)), buffer_(other.buffer_), bytes_(std::exchange(other.bytes_, {})) {}
  received& operator=(received&& other) noexcept {
    std::swap(store_, other.store_);
    std::swap(buffer_, other.buffer_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~received();

  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return bytes_.size(); }
  bool empty() const noexcept { return bytes_.empty(); }

 private:
  detail::buffer_store* store_ = nullptr;
  std::uint16_t buffer_ = 0;
  std::span<const std::byte> bytes_;
};

class buffer_ring {
 public:
  // For the loop that runs on this thread. `count`: a power of two, at most 32768. More buffers keep more connections
  // going at the same time; `buffer_bytes` should hold a usual message. Throws environment_error if the kernel refuses.
  buffer_ring(unsigned count, std::size_t buffer_bytes);

  // What is still received from it stays valid.
  ~buffer_ring();
  buffer_ring(const buffer_ring&) = delete;
  buffer_ring& operator=(const buffer_ring&) = delete;

  unsigned count() const noexcept;
  // Buffers that the kernel may fill now.
  unsigned available() const noexcept;

 private:
  friend class receive_stream;
  detail::buffer_store* store_;
};

}  // namespace waitwork
