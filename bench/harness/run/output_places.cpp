// SPDX-License-Identifier: Apache-2.0
#include <harness/run/output_places.hpp>

#include <harness/run/run_setup.hpp>
#include <harness/words/usage_error.hpp>

namespace waitwork::bench {

output_places::output_places(const run_options& options) : report_(options.report) {
  if (!options.google_benchmark.out.empty()) google_benchmark_.emplace(options.google_benchmark.out);
  report_.check();
  if (google_benchmark_) google_benchmark_->check();
  report_on_standard_output_ = report_.is_standard_output();
  take_standard_output_ = report_on_standard_output_ || (google_benchmark_ && google_benchmark_->is_standard_output());
  refuse_one_place_for_two(options);
}

void output_places::refuse_one_place_for_two(const run_options& options) const {
  if (take_standard_output_ && options.google_benchmark.format != output_format::console) {
    throw usage_error("--benchmark_format: standard output already has the report; nearest valid: --out=FILE");
  }
  if (!options.report_is_google_benchmarks && google_benchmark_ && report_.same_as(*google_benchmark_)) {
    throw usage_error("--benchmark_out: " + google_benchmark_->name().string() +
                      " is where --out writes as well; nearest valid: another file");
  }
  if (!report_.is_file()) return;
  const output_place journal(journal_beside(options.report));
  for (const output_place* const place : {&report_, google_benchmark_ ? &*google_benchmark_ : nullptr}) {
    if (place == nullptr || !place->same_as(journal)) continue;
    throw usage_error(place->name().string() + " is where the run keeps its journal; nearest valid: another file");
  }
}

}  // namespace waitwork::bench
