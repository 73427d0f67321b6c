// SPDX-License-Identifier: Apache-2.0
#pragma once
// side_by_side: two servers compared as closely as one machine allows.
//
// The speed of a machine, a virtual one above all, drifts by a tenth within seconds, and two servers that do the same
// differ by less. So both are alive at the same time, and the client turns to one and the other in slices of some 20
// ms; the drift is then the same for both. Each ratio is the median over pairs of slices.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <peers/tcp_echo/measured_server.hpp>

namespace waitwork::bench {

// Ours over theirs, where it could be measured.
struct server_ratios {
  std::optional<double> server_cpu;     // CPU time of the server for each request
  std::optional<double> server_enters;  // its system calls for each request
  std::optional<double> requests;       // requests per second
};

// `pairs` pairs of slices of `requests` requests each, in alternating order, after one that does not count. Throws
// wrong_answer.
server_ratios compare_side_by_side(measured_server& ours, measured_server& theirs, unsigned pairs,
                                   std::uint64_t requests);

// As figures of a row: "server_cpu_over_<peer>" and so on.
void add_figures(std::map<std::string, double>& into, const server_ratios& ratios, const std::string& peer);

}  // namespace waitwork::bench
