// SPDX-License-Identifier: Apache-2.0
#include <waitwork/io/nop.hpp>

#include <waitwork/io/ring.hpp>

namespace waitwork {

void nop_operation::prepare(io_uring_sqe& entry) const noexcept { io_uring_prep_nop(&entry); }

}  // namespace waitwork
