// SPDX-License-Identifier: Apache-2.0
#pragma once
// echo_server_process: the echo server (echo_server.hpp), running for as long as this object lives.
//
// Starts this binary once more (so its main() must begin with run_helper_process()) with the
// listening socket as an inherited descriptor. So the server's address is known and connections can
// be made at once: they wait in the socket's backlog until the server takes them. The server ends
// when this object does, and also when this process dies without a word.

#include <netinet/in.h>
#include <sys/types.h>

#include <string>
#include <string_view>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/unique_fd.hpp>

namespace waitwork::bench {

class echo_server_process {
 public:
  // The server answers `delay` after it has received a request. It is killed if the thread that
  // constructs this ends first. Throws environment_error.
  explicit echo_server_process(nanoseconds delay);
  // Another server: the helper process `flag` (helper_process.hpp), which is given `options` and
  // finds open what echo_server.hpp lists; under echo_shared_fd what is here `shared`, if it is
  // given.
  echo_server_process(std::string_view flag, const std::string& options, int shared = -1);
  // Blocks until the server has ended.
  ~echo_server_process();
  echo_server_process(const echo_server_process&) = delete;
  echo_server_process& operator=(const echo_server_process&) = delete;

  pid_t pid() const noexcept { return pid_; }

  // A new connection: a blocking TCP socket that sends small messages at once. Throws
  // environment_error.
  unique_fd connect() const;

 private:
  sockaddr_in address_{};
  unique_fd control_;  // the server ends when this closes
  pid_t pid_ = -1;
};

}  // namespace waitwork::bench
