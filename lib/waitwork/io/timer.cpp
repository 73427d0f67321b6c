// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/timer.hpp>

namespace waitwork {

void sleep_operation::start(stop_source* stop) {
  loop& here = loop::current();
  if (stop != nullptr && stop->stop_requested()) {
    stopped_ = true;
    here.make_ready(*this);
    return;
  }
  if (relative_) deadline_ns_ += here.now_ns();
  listen(stop);
  here.start_timer(*this);
}

void sleep_operation::on_expiry() noexcept {
  stop_listening();
  loop::current().make_ready(*this);
}

void sleep_operation::on_stop() noexcept {
  stopped_ = true;
  loop& here = loop::current();
  here.cancel_timer(*this);
  here.make_ready(*this);
}

}  // namespace waitwork
