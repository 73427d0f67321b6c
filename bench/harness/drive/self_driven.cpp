// SPDX-License-Identifier: Apache-2.0
#include <harness/drive/self_driven.hpp>

#include <waitwork/base/check.hpp>

namespace waitwork::bench {
namespace {

// first + (first + 1) + ... modulo 2^64, of `count` terms.
std::uint64_t sum_of_indices(std::uint64_t first, std::uint64_t count) {
  // count * (count - 1) / 2: whichever is even is halved before the product wraps.
  const std::uint64_t pairs = count % 2 == 0 ? count / 2 * (count - 1) : (count - 1) / 2 * count;
  return first * count + pairs;
}

}  // namespace

answer self_driven::run(unit) {
  WAITWORK_CHECK(false, "work that drives itself is driven by drive()");
  return 0;
}

task<answer> self_driven::run(async_context&, unit work) { co_return run(work); }

unit_log batch_log(std::uint64_t first, std::uint64_t count, const histogram& latency, answer sum) {
  unit_log log;
  log.latency = latency;
  if (sum != sum_of_indices(first, count)) {
    log.wrong = count;  // which of them were is not known
    log.first_wrong_unit = first;
  }
  return log;
}

unit_log batch_log(std::uint64_t first, std::uint64_t count, std::int64_t duration_ns, answer sum) {
  histogram latency;
  if (count > 0) latency.record(duration_ns / static_cast<std::int64_t>(count), count);
  return batch_log(first, count, latency, sum);
}

}  // namespace waitwork::bench
