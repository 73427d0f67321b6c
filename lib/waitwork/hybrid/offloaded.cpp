// SPDX-License-Identifier: Apache-2.0
#include <waitwork/hybrid/offloaded.hpp>

namespace waitwork::detail {

bool away::depart(std::coroutine_handle<> self, stop_source* stop) {
  stopped_ = stop != nullptr && stop->stop_requested();
  if (stopped_) return false;
  waiter = self;
  home_ = &loop::current();
  try {
    expected_ = hand_over(*this);
  } catch (...) {
    refused_ = std::current_exception();
    return false;
  }
  if (expected_) home_->expect_answer();
  // The work may be done by now; but its coroutine resumes on this thread, and not before this returns.
  listen(stop);
  return true;
}

bool away::stay(std::coroutine_handle<> self, stop_source* stop) {
  stopped_ = stop != nullptr && stop->stop_requested();
  if (stopped_) return false;
  waiter = self;
  work();
  loop::current().make_ready(*this);
  return true;
}

void away::on_stop() noexcept {
  if (!take_back(*this)) return;
  stopped_ = true;
  home_->make_ready(*this);
}

void away::arrive() {
  stop_listening();
  if (expected_) home_->expected_answer_came();
  if (stopped_) throw cancelled();
  if (refused_) std::rethrow_exception(refused_);
}

}  // namespace waitwork::detail
