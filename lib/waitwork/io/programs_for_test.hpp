// SPDX-License-Identifier: Apache-2.0
#pragma once
// The example programs with scripted peers, each as one task that runs on one loop and checks what it sees.
//
// Everything is inside one process and over Unix sockets, the loopback device and memory files, so that nothing but the
// seed decides what happens.

#include <cstdint>
#include <span>
#include <string>

#include <waitwork/base/random.hpp>
#include <waitwork/coro/task.hpp>

namespace waitwork {

// What a program's script was told, and what it found.
struct script {
  explicit script(std::uint64_t seed) : random(seed) {}

  splitmix64 random;
  bool strict = true;  // nothing fails and nobody stops it: it must come to its full result
  std::string wrong;   // the first thing that must never be; empty if there was none

  // Notes it if `holds` is false.
  void require(bool holds, const char* what);
  // The same, but only of what needs a world without failures.
  void expect(bool holds, const char* what) { require(holds || !strict, what); }
};

struct program {
  const char* name;
  task<void> (*run)(script& told);
};

std::span<const program> programs();

}  // namespace waitwork
