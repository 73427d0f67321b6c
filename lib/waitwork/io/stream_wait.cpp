// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/stream_wait.hpp>

#include <utility>

#include <waitwork/base/check.hpp>
#include <waitwork/io/loop.hpp>

namespace waitwork::detail {

bool stream_wait::await_ready() const noexcept { return stream_.has_outcome(); }

void stream_wait::start(stop_source* stop) {
  if (stop != nullptr && stop->stop_requested()) {
    stopped_ = true;
    loop::current().make_ready(*this);
    return;
  }
  listen(stop);
  WAITWORK_CHECK(!stream_.has_waiter(), "one coroutine at a time waits in next() of a stream");
  stream_.waiter_ = this;
  stream_.waited_for();
}

void stream_wait::wake() noexcept {
  stop_listening();
  loop::current().make_ready(*this);
}

void stream_wait::on_stop() noexcept {
  stopped_ = true;
  stream_.waiter_ = nullptr;
  loop::current().make_ready(*this);
}

void stream_state::wake_waiter() noexcept { std::exchange(waiter_, nullptr)->wake(); }

}  // namespace waitwork::detail
