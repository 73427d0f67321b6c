// SPDX-License-Identifier: Apache-2.0
#include <workloads/io/echo_server_process.hpp>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <utility>

#include <waitwork/base/refusal.hpp>

#include <harness/process/own_program.hpp>
#include <workloads/io/echo_server.hpp>

extern char** environ;

namespace waitwork::bench {
namespace {

// Connections that may wait for the server to take them; the kernel caps it at net.core.somaxconn
// (4096 by default).
constexpr int backlog = 4096;

unique_fd new_socket() {
  unique_fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) throw_call_error("open", "a TCP socket", "socket", errno);
  return socket;
}

// On a free port of 127.0.0.1, which is stored in `address`.
unique_fd listen_on_loopback(sockaddr_in& address) {
  unique_fd listener = new_socket();
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t address_bytes = sizeof address;
  const char* refused = nullptr;
  if (::bind(listener.get(), generic, address_bytes) != 0) {
    refused = "bind";
  } else if (::listen(listener.get(), backlog) != 0) {
    refused = "listen";
  } else if (::getsockname(listener.get(), generic, &address_bytes) != 0) {
    refused = "getsockname";
  }
  if (refused != nullptr) throw_call_error("listen on", "127.0.0.1", refused, errno);
  return listener;
}

// The same open file under a number that none of the server's descriptors will have.
unique_fd out_of_the_way(int fd) {
  unique_fd moved(::fcntl(fd, F_DUPFD_CLOEXEC, echo_shared_fd + 1));
  if (!moved) throw_call_error("duplicate", "a descriptor for the echo server", "fcntl", errno);
  return moved;
}

struct spawn_actions {
  spawn_actions() { ::posix_spawn_file_actions_init(&actions); }
  ~spawn_actions() { ::posix_spawn_file_actions_destroy(&actions); }
  spawn_actions(const spawn_actions&) = delete;
  spawn_actions& operator=(const spawn_actions&) = delete;
  posix_spawn_file_actions_t actions;
};

std::string echo_server_options(nanoseconds delay) { return "{\"delay_ns\":" + std::to_string(delay.count()) + "}"; }

pid_t spawn_server(std::string flag, std::string options, int listener, int control, int shared) {
  std::string name = "waitwork";
  char* arguments[] = {name.data(), flag.data(), options.data(), nullptr};
  spawn_actions actions;
  ::posix_spawn_file_actions_addopen(&actions.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions.actions, listener, echo_listener_fd);
  ::posix_spawn_file_actions_adddup2(&actions.actions, control, echo_control_fd);
  if (shared >= 0) ::posix_spawn_file_actions_adddup2(&actions.actions, shared, echo_shared_fd);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, own_program().c_str(), &actions.actions, nullptr, arguments, environ);
  // A program that cannot be executed is about its file, a process that cannot be had about the call.
  if (error == ENOENT || error == EACCES) throw file_error("start", own_program(), error);
  if (error != 0) throw_call_error("start", "the echo server", error == EPERM ? "clone3" : "fork", error);
  return pid;
}

}  // namespace

echo_server_process::echo_server_process(nanoseconds delay)
    : echo_server_process(echo_server_flag, echo_server_options(delay)) {}

echo_server_process::echo_server_process(std::string_view flag, const std::string& options, int shared) {
  const unique_fd listener = out_of_the_way(listen_on_loopback(address_).get());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_call_error("open", "the echo server's control pipe", "pipe2", errno);
  unique_fd read_end(ends[0]);
  control_.reset(ends[1]);
  const unique_fd server_end = out_of_the_way(read_end.get());
  read_end.reset();
  const unique_fd page = shared < 0 ? unique_fd() : out_of_the_way(shared);
  pid_ = spawn_server(std::string(flag), options, listener.get(), server_end.get(), page.get());
  // Our copies of the server's descriptors close here: if the server dies, connecting fails instead
  // of waiting.
}

echo_server_process::~echo_server_process() {
  if (pid_ <= 0) return;
  control_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

unique_fd echo_server_process::connect() const {
  unique_fd socket = new_socket();
  const int at_once = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
  // Closing resets the connection, so that thousands of them leave no TIME_WAIT states behind for
  // the next child.
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address_);
  int answer = -1;
  do {
    answer = ::connect(socket.get(), generic, sizeof address_);
  } while (answer != 0 && errno == EINTR);
  if (answer != 0 && errno != EISCONN) throw_call_error("connect to", "the echo server", "connect", errno);
  return socket;
}

}  // namespace waitwork::bench
