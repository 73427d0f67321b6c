#pragma once
// receive_state: the multishot request behind a receive_stream, and what it has received so far.
// Private to io/.

#include <waitwork/io/buffer_store.hpp>
#include <waitwork/io/multishot.hpp>
#include <waitwork/io/receive_stream.hpp>

#include <cstdint>
#include <utility>

namespace waitwork::detail {

class receive_state final : public multishot {
 public:
  receive_state(int fd, buffer_store& store) noexcept : fd_(fd), store_(store) { store_.retain(); }

  // Something can be taken: bytes, the end, or an error.
  bool has_outcome() const noexcept { return waiting_ > 0 || ended_ || error_ != 0; }
  result<received> take() noexcept;

  // `waiter` is woken when has_outcome().
  void wait(receive_stream::next_awaiter& waiter);
  void forget_waiter() noexcept { waiter_ = nullptr; }

  // There is a buffer again: asks the kernel again.
  void retry();

 private:
  friend class buffer_store;

  ~receive_state() override;
  void request();
  void on_completion(std::int32_t answer, std::uint32_t flags) noexcept override;
  void on_drained() override;
  void keep(std::uint16_t buffer, std::size_t bytes) noexcept;

  int fd_;
  buffer_store& store_;
  receive_stream::next_awaiter* waiter_ = nullptr;
  std::uint16_t first_ = 0;  // of waiting_ buffers, linked in the store
  std::uint16_t last_ = 0;
  unsigned waiting_ = 0;
  int error_ = 0;  // a positive errno that nobody has been told yet
  bool ended_ = false;
  bool starved_ = false;
  receive_state* next_starved_ = nullptr;
};

}  // namespace waitwork::detail
