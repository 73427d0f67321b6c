// SPDX-License-Identifier: Apache-2.0
#pragma once
// listen: a socket that takes connections, TCP or Unix. To take them: accept() in socket.hpp, one at a time, or a
// connection_stream.

#include <waitwork/base/result.hpp>
#include <waitwork/base/unique_fd.hpp>
#include <waitwork/io/endpoint.hpp>

namespace waitwork {

struct listen_options {
  // Connections that the kernel keeps until they are accepted; more are turned away or made to retry. The kernel cuts
  // it down to net.core.somaxconn.
  int backlog = 4096;
  // TCP: a server that restarts need not wait for the connections of its predecessor to time out.
  bool reuse_address = true;
  // TCP: other sockets of this user may listen on the same endpoint, and the kernel spreads connections over them: one
  // listener for each loop.
  bool reuse_port = false;
  // TCP: what is sent leaves at once, also on the connections that are accepted here (TCP_NODELAY, which they inherit);
  // otherwise a small piece waits for the acknowledgement of the one before, up to 40 ms with a peer that delays it.
  bool no_delay = true;
  // An IPv6 listener on all addresses takes no IPv4 connections.
  bool ipv6_only = false;
};

// Binds to `local` and listens; port 0 lets the kernel choose, endpoint::of_socket() tells. An ordinary call that does
// not block and needs no loop. errc::address_in_use: somebody listens there, or, of a Unix path, the name exists; one
// left behind by a process that has ended has to be unlinked first. errc::permission_denied: ports below 1024.
[[nodiscard]] result<unique_fd> listen(const endpoint& local, const listen_options& options = {}) noexcept;

}  // namespace waitwork
