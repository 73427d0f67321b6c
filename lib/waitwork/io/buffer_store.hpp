// SPDX-License-Identifier: Apache-2.0
#pragma once
// buffer_store: what a buffer_ring and all that was received through it share. It lives until none of them is left.
// Private to io/.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <waitwork/base/aligned_buffer.hpp>
#include <waitwork/io/ring.hpp>

namespace waitwork::detail {

class receive_state;

class buffer_store {
 public:
  buffer_store(unsigned count, std::size_t buffer_bytes);
  buffer_store(const buffer_store&) = delete;
  buffer_store& operator=(const buffer_store&) = delete;

  unsigned count() const noexcept { return count_; }
  unsigned available() const noexcept { return available_; }
  std::uint16_t group() const noexcept { return group_; }

  // Whoever may still come back to the store. release() may destroy it.
  void retain() noexcept { ++users_; }
  void release() noexcept {
    if (--users_ == 0) delete this;
  }

  // The kernel has filled a buffer; it is ours until give_back().
  std::span<const std::byte> taken(std::uint16_t buffer, std::size_t bytes) noexcept;

  // To the kernel again. Then call wake_starved(), unless the ring is being walked.
  void give_back(std::uint16_t buffer) noexcept;

  // A stream found no buffer; it is told when there is one.
  void starved(receive_state& stream) noexcept;
  void forget(receive_state& stream) noexcept;
  void wake_starved();

  // Buffers that wait in a stream are linked by number.
  std::uint16_t& next_of(std::uint16_t buffer) noexcept { return links_[buffer].next; }
  std::uint32_t& bytes_of(std::uint16_t buffer) noexcept { return links_[buffer].bytes; }
  std::span<const std::byte> contents(std::uint16_t buffer) const noexcept {
    return {memory_of(buffer), links_[buffer].bytes};
  }

 private:
  struct link {
    std::uint32_t bytes = 0;
    std::uint16_t next = 0;
  };

  ~buffer_store();
  std::byte* memory_of(std::uint16_t buffer) const noexcept {
    return const_cast<std::byte*>(memory_.data()) + buffer * buffer_bytes_;
  }
  void add(std::uint16_t buffer) noexcept;

  unsigned count_;
  std::size_t buffer_bytes_;
  unsigned available_ = 0;
  unsigned users_ = 1;
  std::uint16_t group_ = 0;
  io_uring* ring_;
  io_uring_buf_ring* shared_ = nullptr;  // with the kernel
  std::size_t shared_bytes_;
  aligned_buffer<std::byte> memory_;
  std::vector<link> links_;
  receive_state* first_starved_ = nullptr;
};

}  // namespace waitwork::detail
