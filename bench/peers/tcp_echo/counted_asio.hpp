// SPDX-License-Identifier: Apache-2.0
#pragma once
// counted_asio: Asio with its system calls counted.
//
// Asio does not count them, and whoever counts from outside (ptrace, a tracepoint) slows them down or needs privileges.
// So the calls that its reactor makes for sockets are given another name while its headers are read, and the functions
// of that name count and pass on: one addition for each call. Asio itself gets another name too, so that nothing of it
// is taken for, or mixed with, the Asio of the other sources of this program.
//
// Not counted: what is called once, or once a connection (epoll_ctl, accept, close). Include it in one source, last.

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

inline std::uint64_t counted_calls = 0;

inline ssize_t counted_recv(int fd, void* data, std::size_t bytes, int flags) {
  ++counted_calls;
  return ::recv(fd, data, bytes, flags);
}
inline ssize_t counted_recvmsg(int fd, msghdr* message, int flags) {
  ++counted_calls;
  return ::recvmsg(fd, message, flags);
}
inline ssize_t counted_send(int fd, const void* data, std::size_t bytes, int flags) {
  ++counted_calls;
  return ::send(fd, data, bytes, flags);
}
inline ssize_t counted_sendmsg(int fd, const msghdr* message, int flags) {
  ++counted_calls;
  return ::sendmsg(fd, message, flags);
}
inline int counted_epoll_wait(int fd, epoll_event* events, int count, int timeout_ms) {
  ++counted_calls;
  return ::epoll_wait(fd, events, count, timeout_ms);
}

#define asio counted_asio
#define asio_detail_posix_thread_function counted_asio_thread_function  // extern "C": in no namespace
#define recv counted_recv
#define recvmsg counted_recvmsg
#define send counted_send
#define sendmsg counted_sendmsg
#define epoll_wait counted_epoll_wait
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/write.hpp>
#undef epoll_wait
#undef sendmsg
#undef send
#undef recvmsg
#undef recv
#undef asio_detail_posix_thread_function
#undef asio
