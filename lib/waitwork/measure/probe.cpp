// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/probe.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

#include <waitwork/base/check.hpp>
#include <waitwork/base/random.hpp>
#include <waitwork/measure/crew.hpp>
#include <waitwork/measure/peak_loops.hpp>

namespace waitwork {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;
constexpr std::size_t line_bytes = 64;
constexpr std::size_t huge_page_bytes = 2 * mib;

// Steps of each chain in a batch of multiply-adds: 5 to 10 us.
constexpr std::uint64_t steps_per_batch = 2048;
// Of as many times one worker's rate as there are workers. Where all cores run at one clock rate, 0.97 to 1.
constexpr double expected_of_all = 0.9;
// Elements in a batch of copy and triad: 256 KiB of each array, 20 to 100 us.
constexpr std::size_t elements_per_batch = 32 << 10;
// In caches, where a batch of elements may be much less: some microseconds.
constexpr double least_batch_bytes = 256 << 10;
constexpr std::size_t stream_granularity_bytes = stream_granularity * sizeof(double);
// Steps in a batch of a chase: 6 us in the first level, half a millisecond in memory.
constexpr std::size_t steps_per_chase = 4096;
// Last-level caches of servers are hundreds of MiB and shared with neighbours; this much is far beyond a second level
// and is likely ours.
constexpr std::size_t cache_chase_limit_bytes = 32 * mib;
// Of what may be taken at all: the probe must not push out what the machine has cached.
constexpr std::int64_t memory_fraction = 4;

void probe_arithmetic(const probe_options& options, machine_limits& limits) {
  const auto rate = [&](double (*multiply_adds)(std::uint64_t), unsigned workers, nanoseconds warm_up) {
    return best_rate(options, std::vector<batch>(workers, [=] { return multiply_adds(steps_per_batch); }), warm_up);
  };
  // Each group of threads starts on cores that may have slept meanwhile, if only a little.
  const nanoseconds again = options.warm_up / 8;
  // A process that takes one of the CPUs for the 20 ms that this lasts looks like siblings. So it is repeated if it
  // falls short; siblings and quotas still do then.
  const auto rate_of_all = [&](double (*multiply_adds)(std::uint64_t), const probed& one) {
    probed best = rate(multiply_adds, options.workers, options.warm_up / 2);
    for (int chance = 0; chance < 3 && best && one && *best < expected_of_all * options.workers * *one; ++chance) {
      const probed next = rate(multiply_adds, options.workers, again);
      if (next) best = std::max(*best, *next);
    }
    return best;
  };
  limits.f32_flops.one = rate(multiply_adds_f32, 1, options.warm_up);
  limits.f64_flops.one = rate(multiply_adds_f64, 1, again);
  limits.f32_flops.all = rate_of_all(multiply_adds_f32, limits.f32_flops.one);
  limits.f64_flops.all = rate_of_all(multiply_adds_f64, limits.f64_flops.one);
}

// ---- Memory

// Mapped, on huge pages where the system grants them, so that neither bandwidth nor latency is that of page tables;
// given back at the end.
class region {
 public:
  explicit region(std::size_t bytes) : bytes_((bytes + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes) {
    mapped_ = ::mmap(nullptr, bytes_ + huge_page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped_ == MAP_FAILED) {
      refusal_ = "cannot map " + std::to_string(bytes_ / mib) + " MiB: " + std::generic_category().message(errno);
      return;
    }
    const std::size_t past = reinterpret_cast<std::uintptr_t>(mapped_) % huge_page_bytes;
    begin_ = static_cast<std::byte*>(mapped_) + (huge_page_bytes - past) % huge_page_bytes;
    ::madvise(begin_, bytes_, MADV_HUGEPAGE);  // a kernel without them has small pages
  }
  ~region() {
    if (mapped_ != MAP_FAILED) ::munmap(mapped_, bytes_ + huge_page_bytes);
  }
  region(const region&) = delete;
  region& operator=(const region&) = delete;

  const std::string& refusal() const noexcept { return refusal_; }  // "" if there is memory
  std::byte* begin() const noexcept { return begin_; }
  std::size_t size() const noexcept { return bytes_; }

 private:
  std::size_t bytes_;
  void* mapped_ = MAP_FAILED;
  std::byte* begin_ = nullptr;
  std::string refusal_;
};

const cpu_cache* last_cache(const std::vector<cpu_cache>& caches) {
  const cpu_cache* last = nullptr;
  for (const cpu_cache& cache : caches) {
    if (cache.type != "Instruction" && (last == nullptr || cache.level > last->level)) last = &cache;
  }
  return last;
}

std::size_t size_of_level(const std::vector<cpu_cache>& caches, int level) {
  for (const cpu_cache& cache : caches) {
    if (cache.type != "Instruction" && cache.level == level) return static_cast<std::size_t>(cache.size_bytes);
  }
  return 0;
}

// ---- Bandwidth

// Each array four times the last cache, up to a size that a probe has time to touch; but each worker's share of it at
// least twice its own cache, or what is measured is that.
std::size_t wanted_array_bytes(const probe_options& options, std::size_t last_bytes) {
  const std::size_t whole = last_bytes == 0 ? 64 * mib : std::clamp(4 * last_bytes, 16 * mib, 64 * mib);
  return std::max(whole, options.workers * 2 * size_of_level(options.caches, 2));
}

// One worker's part of the three arrays. A sweep goes on where the last batch ended.
struct slice {
  double* target = nullptr;
  double* first = nullptr;
  double* second = nullptr;
  std::size_t count = 0;  // elements of each, a multiple of the granularity
  std::size_t next = 0;

  // Begin and length of the next batch.
  std::pair<std::size_t, std::size_t> advance() noexcept {
    if (next == count) next = 0;
    const std::size_t length = std::min(elements_per_batch, count - next);
    next += length;
    return {next - length, length};
  }
};

// Arrays that begin at the same place of a page are in each other's way: a load waits for a store that merely has the
// same low 12 bits.
constexpr std::size_t array_offset_elements = 1024 / sizeof(double) + stream_granularity;

// What `parts` workers get of three arrays of `array_bytes` each.
std::vector<slice> slices_of(const region& memory, std::size_t array_bytes, unsigned parts) {
  double* const base = reinterpret_cast<double*>(memory.begin());
  const std::size_t elements = array_bytes / sizeof(double);
  const std::size_t each = elements / parts / stream_granularity * stream_granularity;
  std::vector<slice> slices(parts);
  for (unsigned part = 0; part < parts; ++part) {
    double* const at = base + part * each;
    const std::size_t stride = elements + array_offset_elements;
    slices[part] = {.target = at, .first = at + stride, .second = at + 2 * stride, .count = each};
  }
  return slices;
}

std::size_t region_bytes_for(std::size_t array_bytes) {
  return 3 * array_bytes + 2 * array_offset_elements * sizeof(double);
}

// Every page is there before it is measured, and each worker's on its own node.
void touch(const probe_options& options, const region& memory, std::size_t array_bytes) {
  std::vector<slice> slices = slices_of(memory, array_bytes, options.workers);
  const auto fill = [](const slice& part) {
    for (double* array : {part.target, part.first, part.second}) std::fill_n(array, part.count, 1.0);
  };
  std::vector<std::jthread> threads;
  for (std::size_t w = 1; w < slices.size(); ++w) {
    try {
      threads.emplace_back([&, w] {
        if (options.cpus.size() >= slices.size()) pin_if_possible(options.cpus[w]);
        fill(slices[w]);
      });
    } catch (const std::system_error&) {
      fill(slices[w]);
    }
  }
  fill(slices[0]);
}

// Bytes read.
double read_batch(slice& mine) {
  const auto [at, length] = mine.advance();
  const double sum = read_stream(mine.first + at, length);
  asm volatile("" : : "m"(sum));  // somebody may read it
  return static_cast<double>(sizeof(double) * length);
}

// Bytes read and written.
double copy_batch(slice& mine, store_kind stores) {
  const auto [at, length] = mine.advance();
  copy_stream(stores, mine.target + at, mine.first + at, length);
  return static_cast<double>(2 * sizeof(double) * length);
}

void probe_bandwidth(const probe_options& options, const region& memory, std::size_t array_bytes,
                     machine_limits& limits) {
  using enum store_kind;
  const auto rate = [&](unsigned workers, auto stream) {
    std::vector<batch> work;
    for (const slice& part : slices_of(memory, array_bytes, workers)) {
      work.emplace_back([mine = part, stream]() mutable { return stream(mine); });
    }
    return best_rate(options, std::move(work), options.warm_up / 16);
  };
  const auto both = [&](auto stream) {
    rates measured;
    measured.one = rate(1, stream);
    measured.all = rate(options.workers, stream);
    return measured;
  };
  const auto copy = [](store_kind stores) { return [stores](slice& mine) { return copy_batch(mine, stores); }; };
  const auto triad = [](store_kind stores) {
    return [stores](slice& mine) {
      const auto [at, length] = mine.advance();
      triad_stream(stores, mine.target + at, mine.first + at, mine.second + at, length);
      return static_cast<double>(3 * sizeof(double) * length);
    };
  };
  limits.read_bytes_per_second = both(read_batch);
  limits.copy_bytes_per_second = both(copy(regular));
  limits.copy_streaming_bytes_per_second = both(copy(streaming));
  limits.triad_bytes_per_second = both(triad(regular));
  limits.triad_streaming_bytes_per_second = both(triad(streaming));
}

// ---- Bandwidth of caches

// The caches to go over; without figures yet.
std::vector<cache_bandwidth> cache_levels(const probe_options& options, const cpu_cache* last) {
  std::vector<cache_bandwidth> wanted;
  for (int level = 1; last != nullptr && level <= last->level; ++level) {
    const std::size_t size = size_of_level(options.caches, level);
    std::size_t bytes = std::min(size / 2, cache_chase_limit_bytes);
    if (level == last->level && level > 2) {
      // Shared: each worker's part is beyond its own second level, or what is measured is that.
      bytes = std::max(bytes / options.workers, 2 * size_of_level(options.caches, 2));
    }
    bytes = bytes / 2 / stream_granularity_bytes * stream_granularity_bytes * 2;
    if (bytes > 0) wanted.push_back({.level = "L" + std::to_string(level), .cache_bytes = size, .bytes = bytes});
  }
  return wanted;
}

// Each worker goes over `bytes` of its own: all of them to read, half of them to the other half to copy.
void probe_cache(const probe_options& options, const region& memory, cache_bandwidth& cache) {
  const auto rate = [&](unsigned workers, bool copies) -> probed {
    const std::size_t each_bytes = copies ? cache.bytes / 2 : cache.bytes;
    const std::size_t array_bytes = workers * each_bytes;
    if (region_bytes_for(array_bytes) > memory.size())
      return std::unexpected("too little memory for all workers' parts");
    std::vector<batch> work;
    for (const slice& part : slices_of(memory, array_bytes, workers)) {
      work.emplace_back([mine = part, copies]() mutable {
        double bytes = 0;
        // A sweep of the first level takes a microsecond, and a look at the clock a twentieth of one.
        do bytes += copies ? copy_batch(mine, store_kind::regular) : read_batch(mine);
        while (bytes < least_batch_bytes);
        return bytes;
      });
    }
    return best_rate(options, std::move(work), options.warm_up / 16);
  };
  cache.read_bytes_per_second = {rate(1, false), rate(options.workers, false)};
  cache.copy_bytes_per_second = {rate(1, true), rate(options.workers, true)};
}

// ---- Latency

struct alignas(line_bytes) chain_line {
  const chain_line* next;
};
static_assert(sizeof(chain_line) == line_bytes);

// Makes one cycle through `count` lines, in random order, which no prefetcher follows: Sattolo, "An algorithm to
// generate a random cyclic permutation" (1986). Shuffled as indices, which fit a cache where the lines do not, and
// written out front to back.
void make_cycle(chain_line* lines, std::uint32_t* successor, std::uint32_t count) {
  splitmix64 random(count);
  for (std::uint32_t i = 0; i < count; ++i) successor[i] = i;
  for (std::uint32_t i = count - 1; i > 0; --i) std::swap(successor[i], successor[random.below(i)]);
  for (std::uint32_t i = 0; i < count; ++i) new (lines + i) chain_line{lines + successor[i]};
}

const chain_line* chase(const chain_line* at, std::size_t steps) noexcept {
  for (std::size_t step = 0; step < steps; ++step) at = at->next;
  asm volatile("" : "+r"(at));  // somebody may look where it ended
  return at;
}

// The indices go behind the lines.
constexpr std::size_t chain_region_bytes(std::size_t bytes) {
  return bytes + bytes / line_bytes * sizeof(std::uint32_t);
}

double chase_ns(const probe_options& options, const region& memory, std::size_t bytes) {
  const auto count = static_cast<std::uint32_t>(bytes / line_bytes);
  WAITWORK_CHECK(chain_region_bytes(bytes) <= memory.size() && count > 1, "the chain has its place");
  WAITWORK_CHECK(count == bytes / line_bytes, "the lines can be counted in 32 bits");
  auto* const lines = reinterpret_cast<chain_line*>(memory.begin());
  make_cycle(lines, reinterpret_cast<std::uint32_t*>(memory.begin() + count * line_bytes), count);
  // Once around where that is short. Longer chains have just been written: what of them fits a cache is there.
  const chain_line* at = chase(lines, std::min<std::size_t>(count, 32 << 10));
  double best = std::numeric_limits<double>::infinity();
  for (unsigned window = 0; window < options.windows; ++window) {
    const std::int64_t start_ns = now_ns();
    std::int64_t end_ns = start_ns;
    std::size_t steps = 0;
    do {
      at = chase(at, steps_per_chase);
      steps += steps_per_chase;
      end_ns = now_ns();
    } while (end_ns < start_ns + options.window.count());
    best = std::min(best, static_cast<double>(end_ns - start_ns) / static_cast<double>(steps));
  }
  return best;
}

// What to chase through, smallest first; without figures yet.
std::vector<pointer_chase> chases(const probe_options& options, const cpu_cache* last) {
  std::vector<pointer_chase> wanted;
  for (int level = 1; last != nullptr && level <= last->level; ++level) {
    const std::size_t half = size_of_level(options.caches, level) / 2 / line_bytes * line_bytes;
    if (half < 2 * line_bytes) continue;
    wanted.push_back({.level = "L" + std::to_string(level), .bytes = std::min(half, cache_chase_limit_bytes)});
  }
  const std::size_t far = last == nullptr ? options.far_bytes : 4 * static_cast<std::size_t>(last->size_bytes);
  wanted.push_back({.level = "memory", .bytes = std::min(far, options.far_bytes)});
  return wanted;
}

// ---- All of the memory

void refuse_memory(machine_limits& limits, const std::string& cause) {
  for (const named_limit& each : named_limits) {
    if (std::string(each.name).find("bytes_per_second") != std::string::npos) {
      limits.*each.figures = {std::unexpected(cause), std::unexpected(cause)};
    }
  }
  for (pointer_chase& each : limits.latencies) each.ns_per_step = std::unexpected(cause);
  for (cache_bandwidth& each : limits.caches) {
    for (rates* figures : {&each.read_bytes_per_second, &each.copy_bytes_per_second}) {
      *figures = {std::unexpected(cause), std::unexpected(cause)};
    }
  }
}

void probe_memory(const probe_options& options, machine_limits& limits) {
  const cpu_cache* const last = last_cache(options.caches);
  const std::size_t last_bytes = last == nullptr ? 0 : static_cast<std::size_t>(last->size_bytes);
  limits.latencies = chases(options, last);
  limits.caches = cache_levels(options, last);
  limits.array_bytes = wanted_array_bytes(options, last_bytes);
  std::size_t chase_bytes = limits.latencies.back().bytes;
  if (options.memory_bytes) {
    const auto budget = static_cast<std::size_t>(std::max<std::int64_t>(*options.memory_bytes / memory_fraction, 0));
    constexpr std::size_t least = 8 * mib;
    if (budget < least) {
      limits.array_bytes = 0;
      return refuse_memory(limits, "of " + std::to_string(*options.memory_bytes / std::int64_t{mib}) +
                                       " MiB available a quarter is too little to measure memory in");
    }
    // The last eighth is for what goes beside them: offsets, indices, whole pages.
    limits.array_bytes = std::min(limits.array_bytes, budget / 8 * 7 / 3);
    chase_bytes = std::min(chase_bytes, budget / 8 * 7 / line_bytes * line_bytes);
  }
  for (pointer_chase& each : limits.latencies) each.bytes = std::min(each.bytes, chase_bytes);
  limits.array_bytes = limits.array_bytes / 4096 * 4096;

  if (last != nullptr) {
    const unsigned sharing = std::max(last->sharing, 1u);
    const std::size_t all_bytes = last_bytes * ((options.workers + sharing - 1) / sharing);
    limits.last_cache_bytes = all_bytes;
    limits.arrays_exceed_last_cache = 2 * limits.array_bytes > all_bytes;
    limits.chase_exceeds_last_cache = limits.latencies.back().bytes > last_bytes;
  }
  const std::size_t chain_bytes = chain_region_bytes(limits.latencies.back().bytes);
  const region memory(std::max(region_bytes_for(limits.array_bytes), chain_bytes));
  if (!memory.refusal().empty()) return refuse_memory(limits, memory.refusal());
  touch(options, memory, limits.array_bytes);
  probe_bandwidth(options, memory, limits.array_bytes, limits);
  probe_options fewer = options;  // caches are steadier than memory
  fewer.windows = (options.windows + 1) / 2;
  for (cache_bandwidth& each : limits.caches) probe_cache(fewer, memory, each);
  for (pointer_chase& each : limits.latencies) each.ns_per_step = chase_ns(options, memory, each.bytes);
}

}  // namespace

machine_limits probe_limits(const probe_options& options) {
  WAITWORK_CHECK(options.workers > 0 && options.windows > 0, "a probe has a worker and a window");
  const std::int64_t start_ns = now_ns();
  machine_limits limits;
  limits.instruction_set = peak_instruction_set();
  limits.workers = options.workers;
  probe_arithmetic(options, limits);
  probe_memory(options, limits);
  limits.took_ns = now_ns() - start_ns;
  return limits;
}

}  // namespace waitwork
