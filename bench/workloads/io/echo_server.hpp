// SPDX-License-Identifier: Apache-2.0
#pragma once
// echo_server: the peer of io/net_echo. Answers every request (echo_message.hpp) a fixed time after
// it came in.
//
// A process of its own, so that its CPU time is not the client's, and made with epoll, so that it
// serves clients on machines where io_uring is forbidden. One thread is enough: constant delay
// makes the pending replies a queue in order of deadline, and a reply costs one receive, one send
// and a share of an epoll_pwait2 (or of an epoll_wait and a timer, where that one is refused). echo_server_process.hpp
// starts it; the main program only has to hand over.

#include <string_view>

namespace waitwork::bench {

// The command line argument that makes the binary an echo server; the options follow as the next
// argument.
inline constexpr std::string_view echo_server_flag = "--waitwork-echo-server";

// What the server finds open when it starts.
inline constexpr int echo_listener_fd = 3;  // a listening TCP socket
inline constexpr int echo_control_fd = 4;   // the read end of a pipe: the server ends when the other end closes
inline constexpr int echo_shared_fd = 5;    // only for servers that report something: memory to map

// Serves until the control pipe closes; gives the exit code of the process: 0, or 1 with the reason
// on standard error. `options_json`: {"delay_ns": integer >= 0}. A reply never leaves earlier than
// delay_ns after its request was received.
int run_echo_server(std::string_view options_json);

}  // namespace waitwork::bench
