#include <waitwork/io/multishot.hpp>

#include <utility>

#include <waitwork/io/loop.hpp>

namespace waitwork {

io_uring_sqe* multishot::arm() {
  armed_ = true;
  return loop::current().next_submission(*this);
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
  ask_to_end();
}

// What completes after abandon() still passes on_completion, which gives back what came with it: a descriptor, a buffer.
void multishot::complete(std::int32_t answer, std::uint32_t flags, bool last) noexcept {
  if (last) armed_ = false;
  on_completion(answer, flags);
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
