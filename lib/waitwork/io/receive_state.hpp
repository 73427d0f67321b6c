// SPDX-License-Identifier: Apache-2.0
#pragma once
// receive_state: the multishot request behind a receive_stream, and what it has received so far.
// Private to io/.

#include <cstdint>
#include <utility>

#include <waitwork/io/buffer_store.hpp>
#include <waitwork/io/receive_stream.hpp>
#include <waitwork/io/stream_wait.hpp>

namespace waitwork::detail {

class receive_state final : public stream_state {
 public:
  receive_state(int fd, buffer_store& store) noexcept : fd_(fd), store_(store) { store_.retain(); }

  // Bytes, the end, or an error.
  bool has_outcome() const noexcept override { return waiting_ > 0 || ended_ || error_ != 0; }
  result<received> take() noexcept;

  // There is a buffer again: asks the kernel again.
  void retry();

 private:
  friend class buffer_store;

  ~receive_state() override;
  void request();
  void waited_for() override;
  void on_completion(std::int32_t answer, std::uint32_t flags) noexcept override;
  void on_drained() override;
  void keep(std::uint16_t buffer, std::size_t bytes) noexcept;

  int fd_;
  buffer_store& store_;
  std::uint16_t first_ = 0;  // of waiting_ buffers, linked in the store
  std::uint16_t last_ = 0;
  unsigned waiting_ = 0;
  int error_ = 0;  // a positive errno that nobody has been told yet
  bool ended_ = false;
  bool starved_ = false;
  receive_state* next_starved_ = nullptr;
};

}  // namespace waitwork::detail
