// SPDX-License-Identifier: Apache-2.0
#include <harness/suite/registry.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>
#include <utility>

#include <waitwork/base/check.hpp>
#include <waitwork/base/plain_text.hpp>
#include <waitwork/parallel/effective_cpus.hpp>

#include <harness/suite/row_filter.hpp>

namespace waitwork::bench {
namespace {

// A function-local static, because registration runs before main in no particular order.
std::vector<workload_definition>& definitions() {
  static std::vector<workload_definition> all;
  return all;
}

constexpr std::string_view test_class = "test/";
constexpr std::string_view peers_class = "peers/";

bool shows_test_workloads() {
  const char* set = std::getenv("WAITWORK_TEST_WORKLOADS");
  return set != nullptr && std::string_view(set) == "1";
}

struct sizes {
  std::vector<unsigned> waiting_depths;
  std::vector<unsigned> waiting_workers;
  std::vector<unsigned> computing_depths;  // work without waits shows in two that taking turns changes nothing
};

// Powers of four for depth, because throughput against depth is drawn on a log axis and the knee is wide; powers of two
// for threads, because there the knee is at the CPU count.
sizes sizes_of(suite_kind suite) {
  switch (suite) {
    case suite_kind::smoke:
      return {{1, 16}, {1, 16}, {1, 16}};
    case suite_kind::quick:
      return {{1, 4, 16, 64, 256}, {1, 2, 4, 8, 16, 32, 64}, {1, 16}};
    case suite_kind::full:
      return {{1, 4, 16, 64, 256, 1024}, {1, 2, 4, 8, 16, 32, 64, 128, 256}, {1, 4, 16, 64}};
    case suite_kind::peers:
      return {};  // each workload says its own
  }
  std::unreachable();
}

// 1, 2, 4, ... and the CPU count itself: threads past it cannot help work that only computes.
std::vector<unsigned> computing_workers(unsigned cpus) {
  std::vector<unsigned> workers;
  for (unsigned count = 1; count < cpus; count *= 2) workers.push_back(count);
  workers.push_back(cpus);
  return workers;
}

class row_list {
 public:
  // Starts a new family.
  void begin_family(const workload_definition& definition, const std::string& variant, strategy_kind strategy) {
    current_ = row{};
    current_.workload = definition.name;
    current_.variant = variant;
    current_.subject = definition.name;
    if (!definition.name.starts_with(peers_class)) current_.subject += "/" + variant;
    current_.strategy = strategy;
    current_.family_index = families_++;
    current_.needs_io_uring = strategy == strategy_kind::concurrent || strategy == strategy_kind::hybrid;
  }

  void add(unsigned depth, unsigned workers, const std::string& axes) {
    row added = current_;
    added.depth = depth;
    added.workers = workers;
    added.name = added.workload;
    if (!added.variant.empty()) added.name += "/" + added.variant;
    added.name += "/" + std::string(to_string(added.strategy)) + axes + "/process_time/real_time";
    rows_.push_back(std::move(added));
    ++current_.per_family_instance_index;
  }

  std::vector<row> take() { return std::move(rows_); }

 private:
  std::vector<row> rows_;
  row current_;
  unsigned families_ = 0;
};

void add_peer(row_list& rows, const workload_definition& definition, const std::string& variant, unsigned cpus) {
  if (definition.splits) {
    rows.begin_family(definition, variant, strategy_kind::parallel);
    for (const unsigned workers : std::set{1u, std::min(cpus, definition.most_workers)}) {
      rows.add(1, workers, "/depth:1/workers:" + std::to_string(workers));
    }
    return;
  }
  rows.begin_family(definition, variant, strategy_kind::concurrent);
  for (const unsigned depth : definition.depths) rows.add(depth, 1, "/depth:" + std::to_string(depth));
}

void add_workload(row_list& rows, const workload_definition& definition, const std::string& variant, const sizes& suite,
                  unsigned cpus) {
  rows.begin_family(definition, variant, strategy_kind::sequential);
  rows.add(1, 1, "");
  if (definition.name.starts_with(test_class)) return;

  const std::vector<unsigned>& depths = definition.waits ? suite.waiting_depths : suite.computing_depths;
  rows.begin_family(definition, variant, strategy_kind::concurrent);
  for (const unsigned depth : depths) rows.add(depth, 1, "/depth:" + std::to_string(depth));

  rows.begin_family(definition, variant, strategy_kind::parallel);
  for (const unsigned workers : definition.waits ? suite.waiting_workers : computing_workers(cpus)) {
    rows.add(workers, workers, "/workers:" + std::to_string(workers));
  }
  if (definition.splits) {
    for (const unsigned workers : computing_workers(cpus)) {
      if (workers > 1) rows.add(1, workers, "/depth:1/workers:" + std::to_string(workers));
    }
  }

  rows.begin_family(definition, variant, strategy_kind::hybrid);
  for (const unsigned depth : depths) {
    rows.add(depth, cpus, "/depth:" + std::to_string(depth) + "/workers:" + std::to_string(cpus));
  }
}

}  // namespace

std::string_view to_string(strategy_kind strategy) noexcept {
  switch (strategy) {
    case strategy_kind::sequential:
      return "sequential";
    case strategy_kind::concurrent:
      return "concurrent";
    case strategy_kind::parallel:
      return "parallel";
    case strategy_kind::hybrid:
      return "hybrid";
  }
  std::unreachable();
}

bool register_workload(workload_definition definition) {
  WAITWORK_CHECK(find_workload(definition.name) == nullptr, "two workloads have different names");
  WAITWORK_CHECK(!definition.variants.empty() && definition.make, "a workload has a variant and a maker");
  WAITWORK_CHECK(definition.name.starts_with(peers_class) != definition.depths.empty(),
                 "peers say at which depths they are compared, and nobody else does");
  std::vector<workload_definition>& all = definitions();
  const auto before = std::ranges::lower_bound(all, definition.name, {}, &workload_definition::name);
  all.insert(before, std::move(definition));
  return true;
}

const std::vector<workload_definition>& registered_workloads() { return definitions(); }

const workload_definition* find_workload(std::string_view name) {
  for (const workload_definition& definition : definitions()) {
    if (definition.name == name) return &definition;
  }
  return nullptr;
}

std::vector<row> suite_rows(suite_kind suite, unsigned cpus) {
  const sizes chosen = sizes_of(suite);
  row_list rows;
  for (const workload_definition& definition : definitions()) {
    if (definition.name.starts_with(test_class) && !shows_test_workloads()) continue;
    const bool is_peer = definition.name.starts_with(peers_class);
    if (is_peer != (suite == suite_kind::peers)) continue;
    std::vector<std::string> variants = definition.variants;
    if (suite == suite_kind::full) {
      variants.insert(variants.end(), definition.full_variants.begin(), definition.full_variants.end());
    }
    for (const std::string& variant : variants) {
      if (is_peer) {
        add_peer(rows, definition, variant, cpus);
      } else {
        add_workload(rows, definition, variant, chosen, cpus);
      }
    }
  }
  return rows.take();
}

std::vector<row> suite_rows(suite_kind suite) { return suite_rows(suite, effective_cpus()); }

std::vector<row> chosen_rows(suite_kind suite, const std::string& expression) {
  const row_filter filter("--filter", expression);
  std::vector<row> chosen;
  for (row& candidate : suite_rows(suite)) {
    if (filter.chooses(candidate.name)) chosen.push_back(std::move(candidate));
  }
  return chosen;
}

std::string listing(const std::vector<row>& rows) {
  std::string names;
  for (const row& row : rows) names += plain_text(row.name) + "\n";
  return names;
}

}  // namespace waitwork::bench
