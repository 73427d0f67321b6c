// SPDX-License-Identifier: Apache-2.0
#include <peers/kernels/kernel_work.hpp>

#include <climits>
#include <cstdint>
#include <optional>
#include <utility>

#include <waitwork/base/clock.hpp>
#include <waitwork/base/environment_error.hpp>
#include <waitwork/kernels/instruction_set.hpp>
#include <waitwork/measure/peak_loops.hpp>
#include <waitwork/parallel/split.hpp>

#include <harness/drive/self_driven.hpp>
#include <peers/kernels/slices.hpp>

namespace waitwork::bench {
namespace {

constexpr const char* our_name = "waitwork";
// Not compared: the processors that have nothing newer are from before 2008.
constexpr const char* oldest_set = "SSSE3";
// Of the loop of multiply-adds: 200 us or so, long against handing it to a worker.
constexpr std::uint64_t peak_steps = 65536;

// The loop on one worker; returns its operations.
double multiply_adds(bool f64) { return f64 ? multiply_adds_f64(peak_steps) : multiply_adds_f32(peak_steps); }

// And on each of an arena's workers, or on this thread alone.
void multiply_adds_on(arena* workers, bool f64) {
  if (workers == nullptr) {
    multiply_adds(f64);
    return;
  }
  const auto on_each = [f64](const part& some) {
    for (std::size_t turn = some.begin; turn < some.end; ++turn) multiply_adds(f64);
  };
  split(*workers, workers->workers(), 1, on_each, sharing::even);
}

class kernel_row final : public self_driven {
 public:
  kernel_row(const kernel_definition& kernel, const workload_settings& settings)
      : kernel_(kernel),
        ours_(settings.variant == our_name),
        workers_(settings.workers),
        smoke_(settings.smoke),
        work_(kernel.make({ours_ ? "" : settings.variant, workers_, smoke_})) {
    if (workers_ > 1 && ours_) {
      arena_.emplace(workers_);
      arena_->warm_up();
    }
  }

  unit_log drive(std::uint64_t first, std::uint64_t count) override {
    histogram latency;
    answer sum = 0;
    std::int64_t begin_ns = now_ns();
    for (std::uint64_t index = first; index != first + count; ++index) {
      do_unit();
      const std::int64_t end_ns = now_ns();
      latency.record(end_ns - begin_ns);
      begin_ns = end_ns;
      sum += index;
    }
    return batch_log(first, count, latency, sum);
  }

  // The output is looked at once: it is the same for every unit, and to look at it takes longer than to make it.
  void verify() override {
    do_unit();
    const double error = work_->error();
    if (!(error <= 1)) {
      throw wrong_answer("the output is " + std::to_string(error) + " times as far from the right one as is tolerated");
    }
  }

  std::map<std::string, double> parameters() const override { return work_->parameters(); }
  std::string library() const override { return work_->library(); }
  std::map<std::string, double> figures() const override {
    return ours_ && !smoke_ ? side_by_side() : std::map<std::string, double>();
  }

 private:
  arena* all() const { return arena_ ? &*arena_ : nullptr; }
  void do_unit() const {
    if (ours_) {
      work_->ours(all());
    } else {
      work_->theirs();
    }
  }

  std::map<std::string, double> side_by_side() const;
  void add_instruction_sets(std::map<std::string, double>& figures) const;

  const kernel_definition& kernel_;
  const bool ours_;
  const unsigned workers_;
  const bool smoke_;
  mutable std::optional<arena> arena_;  // of our rows with several workers
  std::unique_ptr<kernel_work> work_;
};

std::map<std::string, double> kernel_row::side_by_side() const {
  std::vector<contender> contenders;
  contenders.push_back({our_name, [this] { work_->ours(all()); }});

  std::map<std::string, std::unique_ptr<kernel_work>> peers;
  for (const std::string& peer : kernel_.peers) {
    try {
      kernel_work& work = *(peers[peer] = kernel_.make({peer, workers_, smoke_}));
      contenders.push_back({peer, [&work] { work.theirs(); }});
    } catch (const unsupported_error&) {
      peers.erase(peer);  // its own row says so
    }
  }

  const std::map<std::string, double> does = work_->parameters();
  const bool computes = does.contains("flops_per_unit");
  const bool f64 = does.contains("flops_are_f64");
  if (computes || all() != nullptr) contenders.push_back({"peak", [this, f64] { multiply_adds_on(all(), f64); }});
  const std::function<void(arena*)> reading = work_->reading();
  if (reading) contenders.push_back({"reading", [this, &reading] { reading(all()); }});
  if (all() != nullptr) {
    contenders.push_back({"one", [this] { work_->ours(nullptr); }});
    contenders.push_back({"peak of one", [f64] { multiply_adds_on(nullptr, f64); }});
  }
  const std::map<std::string, std::function<void()>> others = work_->others();
  for (const auto& [name, other] : others) contenders.push_back({name, other});

  const slices seen(contenders);
  std::map<std::string, double> figures;
  for (const auto& [peer, work] : peers) figures["time_over_" + peer] = seen.time_ratio(our_name, peer);
  for (const auto& [name, other] : others) figures[name] = seen.time_ratio(our_name, name);
  if (computes) {
    const double peak_flops = multiply_adds(f64) * workers_;
    figures["of_peak"] = does.at("flops_per_unit") / peak_flops * seen.time_ratio("peak", our_name);
  }
  if (reading) figures["of_bandwidth"] = seen.time_ratio("reading", our_name);
  if (all() != nullptr) {
    figures["speedup"] = seen.time_ratio("one", our_name);
    figures["peak_speedup"] = workers_ * seen.time_ratio("peak of one", "peak");
    figures["speedup_of_ceiling"] = figures["speedup"] / figures["peak_speedup"];
  } else {
    add_instruction_sets(figures);
  }
  return figures;
}

// By themselves: where a unit takes long, so does each slice of the slow ones.
void kernel_row::add_instruction_sets(std::map<std::string, double>& figures) const {
  const std::vector<std::string> sets = kernels::instruction_sets();
  std::vector<contender> contenders;
  for (const std::string& set : sets) {
    if (set == oldest_set) continue;
    const auto force = [this](const std::string& name) {
      kernels::force_instruction_set(name);
      work_->instruction_set_forced();
    };
    contenders.push_back({set, [this] { work_->ours(nullptr); }, [force, set] { force(set); }, [force] { force(""); }});
  }
  const slices seen(contenders);
  for (const contender& each : contenders) {
    if (each.name != sets.front()) {
      figures["own_" + each.name + "_over_best"] = seen.time_ratio(each.name, sets.front());
    }
  }
}

}  // namespace

bool register_kernel(kernel_definition definition) {
  std::vector<std::string> variants = {our_name};
  variants.insert(variants.end(), definition.peers.begin(), definition.peers.end());
  std::string name = "peers/" + definition.name;
  const unsigned most_workers = definition.splits ? UINT_MAX : 1;
  return register_workload({
      .name = std::move(name),
      .variants = std::move(variants),
      .splits = true,
      .most_workers = most_workers,
      .depths = {1},
      .make = [kernel = std::make_shared<kernel_definition>(std::move(definition))](const workload_settings& settings)
          -> std::unique_ptr<workload> { return std::make_unique<kernel_row>(*kernel, settings); },
  });
}

}  // namespace waitwork::bench
