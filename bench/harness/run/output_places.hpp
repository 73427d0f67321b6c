// SPDX-License-Identifier: Apache-2.0
#pragma once
// output_places: everything that a run will write, and where.
//
// Found out and checked once, before anything of ours is opened: a name may mean something else later.

#include <optional>

#include <harness/command/command_line.hpp>
#include <harness/streams/output_place.hpp>

namespace waitwork::bench {

class output_places {
 public:
  // Throws usage_error or environment_error if one of them cannot be written to, or two of them are one.
  explicit output_places(const run_options& options);

  const output_place& report() const noexcept { return report_; }
  // Nothing if it is not asked for.
  const std::optional<output_place>& google_benchmark() const noexcept { return google_benchmark_; }

  bool report_is_on_standard_output() const noexcept { return report_on_standard_output_; }
  // Something of the run goes there, and so there is no room for the table.
  bool take_standard_output() const noexcept { return take_standard_output_; }

 private:
  void refuse_one_place_for_two(const run_options& options) const;

  output_place report_;
  std::optional<output_place> google_benchmark_;
  bool report_on_standard_output_ = false;
  bool take_standard_output_ = false;
};

}  // namespace waitwork::bench
