// SPDX-License-Identifier: Apache-2.0
#pragma once
// nop: a request that does nothing and completes. What a trip through the ring costs, without what it is for.

#include <waitwork/io/operation.hpp>

namespace waitwork {

class nop_operation final : public operation_of<nop_operation> {
 public:
  nop_operation() noexcept {}
  void prepare(io_uring_sqe& entry) const noexcept;
  result<void> await_resume() const noexcept { return nothing(); }
};

[[nodiscard]] inline nop_operation nop() noexcept { return {}; }

}  // namespace waitwork
