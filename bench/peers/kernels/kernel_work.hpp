// SPDX-License-Identifier: Apache-2.0
#pragma once
// kernel_work: a kernel beside a library that does the same, on the same data, by one worker and by all.
//
// A kernel is registered once. Its rows are the variants "waitwork" and one for each peer, with one worker and with
// all; the time of a row is that of whole units, one after the other. Rows of one round are seconds apart, and machines
// drift by more than two good kernels differ: so our own rows carry ratios besides, taken in slices of a few
// milliseconds that follow each other in one process, from which peers.py reads who is faster:
//
//   time_over_<peer>           our time over theirs, with as many threads
//   of_peak                    our operations per second over those of a loop of multiply-adds, with as many workers
//   of_bandwidth               our bytes per second over those of a loop that only reads them
//   speedup, peak_speedup      all workers over one, of ours and of the loop of multiply-adds; speedup_of_ceiling: the
//                              first over the second
//   own_<instruction set>_over_best  our time with that instruction set over that with the best one
//
// All are medians over the slices, of wall-clock time.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <waitwork/parallel/arena.hpp>

namespace waitwork::bench {

class kernel_work {
 public:
  virtual ~kernel_work() = default;

  // What a unit does: see share_of_limit.hpp.
  virtual std::map<std::string, double> parameters() const = 0;

  // Does a unit: on all workers of the arena, or on the calling thread alone if it is null.
  virtual void ours(arena* workers) = 0;

  // Called when the kernels begin to use another instruction set: what chose one earlier chooses again.
  virtual void instruction_set_forced() {}

  // Does the same unit by the peer that this was made for, which then has the output.
  virtual void theirs() {}
  // The peer, for people; "" for work that was made for none.
  virtual std::string library() const { return {}; }

  // How far the output of whoever did it last is from the right one, in terms of what is tolerated: wrong if above 1.
  virtual double error() const = 0;

  // Loops that read the same bytes and do nothing else, for work that is limited by them; else null.
  virtual std::function<void(arena* workers)> reading() { return nullptr; }

  // Further ways to do work of this kind, and what the row's time over theirs is called: {"time_over_size_3", ...}.
  virtual std::map<std::string, std::function<void()>> others() { return {}; }
};

struct kernel_settings {
  std::string peer;      // one of kernel_definition::peers, or "" if there is no row of a peer to make
  unsigned workers = 1;  // threads that the peer is to use
  bool smoke = false;
};

struct kernel_definition {
  std::string name;  // "peers/<name>"
  std::vector<std::string> peers;
  bool splits = true;  // whether ours() takes an arena; else there are rows of one worker only
  // Throws unsupported_error if the peer is not there.
  std::function<std::unique_ptr<kernel_work>(const kernel_settings&)> make;
};

// At program start; returns true.
bool register_kernel(kernel_definition definition);

}  // namespace waitwork::bench
