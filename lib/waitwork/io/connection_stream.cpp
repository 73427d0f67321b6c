// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/connection_stream.hpp>

#include <cerrno>
#include <deque>
#include <new>

#include <waitwork/base/check.hpp>
#include <waitwork/io/ring.hpp>

namespace waitwork {
namespace detail {

class connection_state final : public stream_state {
 public:
  connection_state(descriptor listener, std::size_t waiting_most) : listener_(listener), waiting_most_(waiting_most) {}

  // A connection, or an error.
  bool has_outcome() const noexcept override { return !accepted_.empty() || error_ != 0; }
  result<unique_fd> take() noexcept;

 private:
  void request();
  void waited_for() override;
  void keep(unique_fd connection) noexcept;
  void on_completion(std::int32_t answer, std::uint32_t flags) noexcept override;
  void on_drained() override;

  // More wait than are wanted, and nobody is on the way to take them.
  bool crowded() const noexcept { return accepted_.size() >= waiting_most_ && !taker_woken_; }

  descriptor listener_;
  std::size_t waiting_most_;
  std::deque<unique_fd> accepted_;
  int error_ = 0;             // a positive errno that nobody has been told yet
  bool ending_ = false;       // the kernel was asked to end the request
  bool one_by_one_ = true;    // the next request is for one connection: a multishot would empty the backlog at once
  bool taker_woken_ = false;  // somebody was woken, and has not run since
};

result<unique_fd> connection_state::take() noexcept {
  taker_woken_ = false;
  if (accepted_.empty()) return errno_error(std::exchange(error_, 0));
  unique_fd first = std::move(accepted_.front());
  accepted_.pop_front();
  return first;
}

void connection_state::waited_for() {
  if (!armed()) request();
}

void connection_state::request() {
  io_uring_sqe* const entry = arm();
  io_uring_prep_accept(entry, listener_.number(), nullptr, nullptr, SOCK_CLOEXEC);
  if (!one_by_one_) entry->ioprio |= IORING_ACCEPT_MULTISHOT;
  entry->flags |= listener_.request_flags();
}

void connection_state::keep(unique_fd connection) noexcept {
  try {
    accepted_.push_back(std::move(connection));
  } catch (const std::bad_alloc&) {
    error_ = ENOMEM;
  }
}

// A multishot may end at any time without having been asked to, with or without a connection; it is then asked again by
// whoever waits next, and by on_drained() for who waits now. EAGAIN is passed on: from a listener in non-blocking mode
// it would come again and again.
void connection_state::on_completion(std::int32_t answer, std::uint32_t flags) noexcept {
  if (!armed()) {
    // The kernel says whether the backlog holds more (since Linux 6.10; before, a multishot is tried again at once).
    one_by_one_ = ending_ || answer < 0 || (flags & IORING_CQE_F_SOCK_NONEMPTY) != 0;
    ending_ = false;
  }
  if (answer >= 0) {
    unique_fd connection(answer);
    if (abandoned()) return;
    keep(std::move(connection));
  } else if (answer != -ECANCELED && answer != -EINTR && answer != -ECONNABORTED) {
    error_ = -answer;
  }
  if (has_waiter() && has_outcome()) {
    taker_woken_ = true;
    wake_waiter();
  }
  if (armed() ? crowded() && !ending_ : has_waiter()) call_when_drained();
}

void connection_state::on_drained() {
  if (abandoned()) return;
  if (!armed()) {
    if (has_waiter()) request();
  } else if (crowded() && !ending_) {
    ending_ = true;
    ask_to_end();
  }
}

}  // namespace detail

connection_stream::connection_stream(descriptor listener, std::size_t waiting_most)
    : state_(new detail::connection_state(listener, waiting_most)) {
  WAITWORK_CHECK(waiting_most > 0, "a stream of connections lets at least one wait");
}

connection_stream::~connection_stream() {
  if (state_ == nullptr) return;
  WAITWORK_CHECK(!state_->has_waiter(), "nobody waits in next() of a stream that is destroyed");
  state_->abandon();
}

connection_stream::next_awaiter::next_awaiter(detail::connection_state& stream) noexcept
    : stream_wait(stream), state_(stream) {}

result<unique_fd> connection_stream::next_awaiter::await_resume() noexcept {
  if (stopped()) return errno_error(ECANCELED);
  return state_.take();
}

}  // namespace waitwork
