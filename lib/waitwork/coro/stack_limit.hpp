// SPDX-License-Identifier: Apache-2.0
#pragma once
// stack_limit: how deep coroutines may be resumed inside one another before they go on from the loop instead.
//
// Awaiting a task resumes it inside await_suspend, 48 bytes of stack a level at -O2 and several hundred at -O0: a
// recursion over a long list would end in the guard page, at 170,000 levels of the usual 8 MiB. So whoever resumes a
// coroutine inside another one looks at the stack pointer first, and when half of the stack is used has the loop resume
// it in its next turn, by when the stack has been unwound. That is flat at any depth and costs a comparison with a
// thread-local word, 2 of 117 instructions an await; symmetric transfer would need neither, but is a tail call only at
// -O2 and never under sanitizers.

#include <coroutine>
#include <cstdint>

#include <waitwork/base/stack_room.hpp>

namespace waitwork::detail {

// What a loop's coroutines nest in at most: half of the stack that is left when it begins to run, the other half being
// for what they call. No more than this, because a stack may be unlimited (ulimit -s).
inline constexpr std::uintptr_t nesting_most_bytes = 4 << 20;

// 0, below every stack pointer, while no loop runs on this thread.
inline constinit thread_local std::uintptr_t nesting_limit = 0;

inline bool stack_is_low() noexcept { return stack_pointer() < nesting_limit; }

// Where coroutines that begin to run here should stop nesting.
std::uintptr_t nesting_limit_from_here() noexcept;

// Has this thread's loop resume `waiting` in its next turn. False, and nothing is done, if there is no memory for the
// message: the caller then resumes it itself, in the half of the stack that is left.
[[gnu::cold]] bool resume_from_loop(std::coroutine_handle<> waiting) noexcept;

// Whether a coroutine that hands over to another one by symmetric transfer does so by a call, which uses the stack.
#if defined(__OPTIMIZE__) && defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
inline constexpr bool transfers_use_stack = false;
#else
inline constexpr bool transfers_use_stack = true;
#endif

}  // namespace waitwork::detail
