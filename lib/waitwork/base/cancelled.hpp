// SPDX-License-Identifier: Apache-2.0
#pragma once
// cancelled: what a wait throws that was asked to stop (coro/cancellation.hpp). Here, because value_or_throw() says the
// same of an outcome that says so.

#include <exception>

namespace waitwork {

// Let it pass: the scope or timeout that asked for it expects it.
class cancelled final : public std::exception {
 public:
  const char* what() const noexcept override { return "the wait was cancelled"; }
};

}  // namespace waitwork
