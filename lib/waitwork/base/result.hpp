// SPDX-License-Identifier: Apache-2.0
#pragma once
// result<T>: the outcome of one operation on the outside world (a read, a connect), where failing is normal.
//
// An alias, so that everything a reader knows of std::expected holds. Errors are errno values in
// std::generic_category(). `co_await` it into a named variable first (g++ 12 crashes on `if (co_await x)`).

#include <expected>
#include <system_error>

#include <waitwork/base/cancelled.hpp>

namespace waitwork {

template <class T>
using result = std::expected<T, std::error_code>;

// The error side of a result, from a positive errno value.
inline std::unexpected<std::error_code> errno_error(int positive_errno) noexcept {
  return std::unexpected(std::error_code(positive_errno, std::generic_category()));
}

// The value, or std::system_error saying what was attempted: for code in which a failure ends the caller's job. Of
// errc::operation_canceled it is `cancelled`, so that whoever asked for the stop knows it from a failure.
template <class T>
T value_or_throw(result<T>&& outcome, const char* attempted) {
  if (!outcome && outcome.error() == std::errc::operation_canceled) throw cancelled();
  if (!outcome) throw std::system_error(outcome.error(), attempted);
  if constexpr (!std::is_void_v<T>) return std::move(*outcome);
}

}  // namespace waitwork
