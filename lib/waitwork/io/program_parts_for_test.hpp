// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the programs of programs_for_test.hpp have in common, and those of them that use IP.

#include <cstddef>
#include <cstdint>
#include <vector>

#include <waitwork/base/clock.hpp>
#include <waitwork/coro/task.hpp>
#include <waitwork/io/programs_for_test.hpp>

namespace waitwork {

nanoseconds some_time(script& told, nanoseconds most);

// What a stream of bytes has at a position, and from there on.
std::byte expected_byte(std::uint64_t stream, std::size_t position);
std::vector<std::byte> expected_bytes(std::uint64_t stream, std::size_t from, std::size_t count);

std::uint64_t right_answer(std::uint64_t question);

// Runs `service` beside `work`, and stops it when the work is done. A service that ends before that has failed.
task<void> beside(script& told, task<void> service, task<void> work);

task<void> run_request_reply(script& told);
task<void> run_datagrams(script& told);

}  // namespace waitwork
