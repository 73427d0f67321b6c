// SPDX-License-Identifier: Apache-2.0
#pragma once
// report_builder: the report of a run, from its journal.

#include <cstddef>
#include <span>

#include <nlohmann/json.hpp>

#include <waitwork/report/model.hpp>

#include <harness/record/journal.hpp>
#include <harness/suite/registry.hpp>

namespace waitwork::bench {

struct built_report {
  report made;
  std::size_t outcomes = 0;  // measurements, failures and absences that it holds
  journal_damage damage;     // what of the journal could not be used
};

// Everything that can be believed of what the journal holds of `rows`: measurements in the order of the rows and, of
// each, of the rounds; each round once. `complete` is the caller's knowledge of whether anything is missing; a report
// without a single measurement is not complete. Throws as journal::read() does.
built_report build_report(const journal& results, std::span<const row> rows, nlohmann::ordered_json context,
                          bool complete);

}  // namespace waitwork::bench
