// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/timeout.hpp>

#include <waitwork/io/loop.hpp>

namespace waitwork::detail {

void deadline_timer::arm(stop_source* outer) {
  loop& here = loop::current();
  source_.follow(outer);
  if (relative_) {
    if (deadline_ns_ <= 0) return on_expiry();
    deadline_ns_ += here.now_ns();
  }
  here.start_timer(*this);
  state_ = state::armed;
}

void deadline_timer::disarm() noexcept {
  if (state_ != state::armed) return;
  state_ = state::idle;
  loop::current().cancel_timer(*this);
}

// Who was stopped from further out already has not run out of time.
void deadline_timer::on_expiry() noexcept {
  state_ = source_.stop_requested() ? state::idle : state::expired;
  source_.request_stop();
}

}  // namespace waitwork::detail
