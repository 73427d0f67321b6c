// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests: how far the stack grows between the calls of one function.

#include <algorithm>
#include <cstdint>
#include <limits>

namespace waitwork {

class stack_watch {
 public:
  // Notes where the stack is now.
  [[gnu::noinline]] void note() noexcept {
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    lowest_ = std::min(lowest_, here);
    highest_ = std::max(highest_, here);
  }
  std::uintptr_t spread_bytes() const noexcept { return highest_ - lowest_; }

 private:
  std::uintptr_t lowest_ = std::numeric_limits<std::uintptr_t>::max();
  std::uintptr_t highest_ = 0;
};

}  // namespace waitwork
