#include <waitwork/io/multishot.hpp>

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
  if (!armed_) {
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
  if (last && abandoned_) delete this;
}

}  // namespace waitwork
