// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/remote.hpp>

#include <waitwork/io/loop.hpp>
#include <waitwork/io/remote_queue.hpp>

namespace waitwork {
namespace detail {

void post(remote_queue& queue, const posted& message) noexcept {
  ready_node& node = message.node();
  if (!queue.post(node)) node.waiter.resume();
}

namespace {

posted stop_the_run(std::shared_ptr<remote_queue> queue) {
  if (loop* const here = loop::running_with(*queue)) here->request_stop();
  co_return;
}

}  // namespace

scope* spawned_here(const remote_queue& queue) noexcept {
  loop* const here = loop::running_with(queue);
  return here == nullptr ? nullptr : here->spawned();
}

}  // namespace detail

void remote::request_stop() const { detail::post(*queue_, detail::stop_the_run(queue_)); }
}  // namespace waitwork
