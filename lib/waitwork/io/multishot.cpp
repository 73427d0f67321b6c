// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/multishot.hpp>

#include <utility>

#include <waitwork/io/loop.hpp>
#include <waitwork/io/ring.hpp>

namespace waitwork {

io_uring_sqe* multishot::arm() {
  loop& here = loop::current();
  armed_ = true;
  io_uring_sqe* const entry = here.next_submission(*this);
  position_ = here.kernel_ring().last_position();
  return entry;
}

void multishot::ask_to_end() noexcept {
  if (armed_) loop::current().cancel(*this);
}

void multishot::abandon() noexcept {
  if (!armed_ && !deferred_) {
    delete this;
    return;
  }
  abandoned_ = true;
  if (!armed_) return;
  // A request that still waits in the submission queue names a descriptor by its number, which may belong to another
  // file by the time the kernel reads it.
  if (io_uring_sqe* const unread = loop::current().kernel_ring().unread(position_)) {
    const std::uint64_t owner = unread->user_data;
    io_uring_prep_nop(unread);
    unread->user_data = owner;
    emptied_ = true;
  } else {
    ask_to_end();
  }
}

// What completes after abandon() still passes on_completion, which gives back what came with it: a descriptor, a
// buffer. Not the answer of a NOP, whose 0 is no descriptor.
void multishot::complete(std::int32_t answer, std::uint32_t flags, bool last) noexcept {
  if (last) armed_ = false;
  if (!emptied_) on_completion(answer, flags);
  if (last && abandoned_) call_when_drained();
}

void multishot::call_when_drained() noexcept {
  if (std::exchange(deferred_, true)) return;
  loop::current().defer(*this);
}

void multishot::drained() {
  deferred_ = false;
  on_drained();
  if (abandoned_ && !armed_) delete this;
}

}  // namespace waitwork
