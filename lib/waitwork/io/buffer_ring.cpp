// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/buffer_ring.hpp>

#include <sys/mman.h>

#include <bit>
#include <cerrno>

#include <waitwork/base/check.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/io/buffer_store.hpp>
#include <waitwork/io/loop.hpp>
#include <waitwork/io/receive_state.hpp>

namespace waitwork {
namespace detail {
namespace {

constexpr const char* subject = "a ring of receive buffers";

[[noreturn]] void refuse(int positive_errno) {
  if (positive_errno == EINVAL) {
    throw unsupported_error("register", subject, "this kernel has none",
                            "use Linux 5.19 or later, or receive() with a buffer of one's own");
  }
  if (positive_errno == EEXIST) {
    throw environment_error("register", subject, "the loop has 65536 of them already", "use fewer");
  }
  throw_call_error("register", subject, "io_uring_register", positive_errno);
}

// Kernel and program write to it; the kernel wants whole pages.
io_uring_buf_ring* map_shared(std::size_t bytes) {
  void* const mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  if (mapped == MAP_FAILED) throw_call_error("map", subject, "mmap", errno);
  return static_cast<io_uring_buf_ring*>(mapped);
}

}  // namespace

buffer_store::buffer_store(unsigned count, std::size_t buffer_bytes)
    : count_(count),
      buffer_bytes_(buffer_bytes),
      ring_(loop::current().kernel_ring().get()),
      shared_bytes_(count * sizeof(io_uring_buf)),
      memory_(count * buffer_bytes),
      links_(count) {
  WAITWORK_CHECK(std::has_single_bit(count) && count <= 32768,
                 "a buffer ring has a power of two of buffers, 32768 at most");
  WAITWORK_CHECK(buffer_bytes > 0 && buffer_bytes <= UINT32_MAX, "a buffer has a size that the kernel can say");
  shared_ = map_shared(shared_bytes_);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(shared_);
  registration.ring_entries = count;
  int answer = -EEXIST;  // the number belongs to another ring of this loop
  for (unsigned group = 0; answer == -EEXIST && group <= UINT16_MAX; ++group) {
    registration.bgid = static_cast<std::uint16_t>(group);
    answer = io_uring_register_buf_ring(ring_, &registration, 0);
  }
  if (answer != 0) {
    ::munmap(shared_, shared_bytes_);
    refuse(-answer);
  }
  group_ = registration.bgid;
  io_uring_buf_ring_init(shared_);
  for (unsigned buffer = 0; buffer < count; ++buffer) add(static_cast<std::uint16_t>(buffer));
}

buffer_store::~buffer_store() {
  io_uring_unregister_buf_ring(ring_, group_);
  ::munmap(shared_, shared_bytes_);
}

void buffer_store::add(std::uint16_t buffer) noexcept {
  io_uring_buf_ring_add(shared_, memory_of(buffer), static_cast<unsigned>(buffer_bytes_), buffer,
                        io_uring_buf_ring_mask(count_), 0);
  io_uring_buf_ring_advance(shared_, 1);
  ++available_;
}

std::span<const std::byte> buffer_store::taken(std::uint16_t buffer, std::size_t bytes) noexcept {
  --available_;
  links_[buffer].bytes = static_cast<std::uint32_t>(bytes);
  return contents(buffer);
}

void buffer_store::give_back(std::uint16_t buffer) noexcept { add(buffer); }

void buffer_store::starved(receive_state& stream) noexcept {
  if (stream.starved_) return;
  stream.starved_ = true;
  stream.next_starved_ = first_starved_;
  first_starved_ = &stream;
}

void buffer_store::forget(receive_state& stream) noexcept {
  receive_state** place = &first_starved_;
  while (*place != &stream) place = &(*place)->next_starved_;
  *place = stream.next_starved_;
  stream.starved_ = false;
}

// As many as there are buffers: who finds none after all starves again.
void buffer_store::wake_starved() {
  for (unsigned wakes = available_; wakes > 0 && first_starved_ != nullptr; --wakes) {
    receive_state& stream = *first_starved_;
    first_starved_ = stream.next_starved_;
    stream.retry();
  }
}

}  // namespace detail

buffer_ring::buffer_ring(unsigned count, std::size_t buffer_bytes)
    : store_(new detail::buffer_store(count, buffer_bytes)) {}

buffer_ring::~buffer_ring() { store_->release(); }

unsigned buffer_ring::count() const noexcept { return store_->count(); }
unsigned buffer_ring::available() const noexcept { return store_->available(); }

received::~received() {
  if (store_ == nullptr) return;
  store_->give_back(buffer_);
  store_->wake_starved();
}

}  // namespace waitwork
