#include <waitwork/io/operation.hpp>

#include <waitwork/io/loop.hpp>

namespace waitwork {

io_uring_sqe* operation::submit(std::coroutine_handle<> self) {
  waiter = self;
  return loop::current().next_submission(*this);
}

}  // namespace waitwork
