#pragma once
// report_builder: the report of a run, from its journal.

#include <filesystem>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include <waitwork/report/model.hpp>

#include <harness/journal.hpp>
#include <harness/registry.hpp>

namespace waitwork::bench {

// Everything that the journal holds of `rows`: measurements in the order of the rows and, of each,
// of the rounds; each round once. `complete` is the caller's knowledge of whether anything is
// missing. Throws as read_journal() does.
report build_report(const std::filesystem::path& journal_file, std::span<const row> rows,
                    nlohmann::ordered_json context, bool complete);

}  // namespace waitwork::bench
