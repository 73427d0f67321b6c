// SPDX-License-Identifier: Apache-2.0
#pragma once
// aligned_buffer<T>: a fixed-size array on the heap whose first element is aligned for SIMD loads (64 bytes) or for
// O_DIRECT (4096 bytes). Elements are zero-initialised, so that no measurement pays for first-touch page faults.

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace waitwork {

inline constexpr std::size_t simd_alignment_bytes = 64;         // one cache line, one AVX-512 register
inline constexpr std::size_t direct_io_alignment_bytes = 4096;  // satisfies every block size up to a page

template <class T>
  requires std::is_trivially_copyable_v<T>
class aligned_buffer {
 public:
  aligned_buffer() noexcept = default;
  explicit aligned_buffer(std::size_t count, std::size_t alignment_bytes = simd_alignment_bytes) : count_(count) {
    if (count == 0) return;
    // std::aligned_alloc wants a multiple of the alignment.
    const std::size_t bytes = (count * sizeof(T) + alignment_bytes - 1) / alignment_bytes * alignment_bytes;
    data_ = static_cast<T*>(std::aligned_alloc(alignment_bytes, bytes));
    if (data_ == nullptr) throw std::bad_alloc();
    std::memset(static_cast<void*>(data_), 0, bytes);
  }
  aligned_buffer(aligned_buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  aligned_buffer& operator=(aligned_buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~aligned_buffer() { std::free(data_); }

  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return count_; }
  std::span<T> span() noexcept { return {data_, count_}; }
  std::span<const T> span() const noexcept { return {data_, count_}; }
  T& operator[](std::size_t index) noexcept { return data_[index]; }
  const T& operator[](std::size_t index) const noexcept { return data_[index]; }

 private:
  T* data_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace waitwork
