// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/check.hpp>

#include <cstdio>
#include <cstdlib>

namespace waitwork {

void check_failed(const char* file, int line, const char* condition, const char* sentence) noexcept {
  std::fprintf(stderr, "%s:%d: check failed: %s: %s\n", file, line, condition, sentence);
  std::fflush(stderr);
  std::abort();
}

}  // namespace waitwork
