#include <waitwork/io/operation.hpp>

#include <waitwork/io/loop.hpp>
#include <waitwork/io/ring.hpp>

namespace waitwork {

io_uring_sqe* operation::submit(std::coroutine_handle<> self, stop_source* stop) {
  waiter = self;
  loop& here = loop::current();
  if (stop != nullptr) {
    if (stop->stop_requested()) {
      answer_ = -ECANCELED;
      here.make_ready(*this);
      return nullptr;
    }
    listen(stop);
  }
  return here.next_submission(*this);
}

// A zero-copy send completes twice: with its outcome, and when the kernel is done with the buffer (F_NOTIF). The frame
// goes on after the second.
bool operation::complete(std::int32_t answer, std::uint32_t flags) noexcept {
  if ((flags & IORING_CQE_F_NOTIF) == 0) {
    answer_ = answer;
    answer_flags_ = flags;
  }
  if ((flags & IORING_CQE_F_MORE) != 0) return false;
  stop_listening();
  return true;
}

void operation::on_stop() noexcept { loop::current().cancel(*this); }

}  // namespace waitwork
