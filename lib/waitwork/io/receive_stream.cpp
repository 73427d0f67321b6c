// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/receive_stream.hpp>

#include <cerrno>

#include <waitwork/io/receive_state.hpp>

namespace waitwork {

receive_stream::receive_stream(int fd, buffer_ring& buffers) : state_(new detail::receive_state(fd, *buffers.store_)) {}

receive_stream::~receive_stream() { state_->abandon(); }

receive_stream::next_awaiter::next_awaiter(detail::receive_state& stream) noexcept
    : stream_wait(stream), state_(stream) {}

result<received> receive_stream::next_awaiter::await_resume() noexcept {
  if (stopped()) return errno_error(ECANCELED);
  return state_.take();
}

namespace detail {

receive_state::~receive_state() {
  while (waiting_ > 0) static_cast<void>(take());
  if (starved_) store_.forget(*this);
  store_.release();
}

result<received> receive_state::take() noexcept {
  if (waiting_ > 0) {
    const std::uint16_t buffer = first_;
    first_ = store_.next_of(buffer);
    --waiting_;
    return received(store_, buffer, store_.contents(buffer));
  }
  if (error_ != 0) return errno_error(std::exchange(error_, 0));
  return received();
}

void receive_state::waited_for() {
  if (!armed() && !starved_) request();
}

void receive_state::request() {
  io_uring_sqe* const entry = arm();
  io_uring_prep_recv_multishot(entry, fd_, nullptr, 0, 0);
  entry->flags |= IOSQE_BUFFER_SELECT;
  entry->buf_group = store_.group();
}

void receive_state::retry() {
  starved_ = false;
  if (has_waiter() && !armed()) request();
}

// A multishot may end at any time without having been asked to, with or without bytes; it is then asked again by
// whoever waits next, and by on_drained() for who waits now.
void receive_state::on_completion(std::int32_t answer, std::uint32_t flags) noexcept {
  if ((flags & IORING_CQE_F_BUFFER) != 0) {
    const auto buffer = static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
    keep(buffer, answer > 0 ? static_cast<std::size_t>(answer) : 0);
  }
  if (abandoned()) return;
  if (answer == 0) {
    ended_ = true;
  } else if (answer == -ENOBUFS) {
    store_.starved(*this);
    call_when_drained();  // a buffer may have come back since
  } else if (answer < 0 && answer != -ECANCELED && answer != -EINTR && answer != -EAGAIN) {
    error_ = -answer;
  }
  if (has_outcome()) {
    if (has_waiter()) wake_waiter();
  } else if (!armed()) {
    call_when_drained();
  }
}

void receive_state::keep(std::uint16_t buffer, std::size_t bytes) noexcept {
  static_cast<void>(store_.taken(buffer, bytes));
  if (bytes == 0 || abandoned()) {
    store_.give_back(buffer);
    call_when_drained();  // for those who wait for a buffer
    return;
  }
  if (waiting_ == 0) {
    first_ = buffer;
  } else {
    store_.next_of(last_) = buffer;
  }
  last_ = buffer;
  ++waiting_;
}

void receive_state::on_drained() {
  store_.wake_starved();
  if (has_waiter() && !armed() && !starved_ && !abandoned()) request();
}

}  // namespace detail
}  // namespace waitwork
