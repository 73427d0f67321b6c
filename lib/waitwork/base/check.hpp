// SPDX-License-Identifier: Apache-2.0
#pragma once
// WAITWORK_CHECK: a bug stops the program, in every build.
//
// Three kinds of error are kept apart throughout the project: a bug is a WAITWORK_CHECK; an environment that cannot
// do what is asked throws environment_error when something is constructed; the outcome of an operation is a
// result<T>. A check costs one predictable branch; it is always on because a measurement made past a broken
// invariant is worse than none.

namespace waitwork {

// Prints "file:line: check failed: condition: sentence" to standard error and aborts. Never returns.
[[noreturn]] void check_failed(const char* file, int line, const char* condition, const char* sentence) noexcept;

}  // namespace waitwork

// WAITWORK_CHECK(condition, "what must hold, as a sentence")
#define WAITWORK_CHECK(condition, sentence)          \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::waitwork::check_failed(__FILE__, __LINE__, #condition, sentence))
