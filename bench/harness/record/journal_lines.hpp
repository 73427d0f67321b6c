// SPDX-License-Identifier: Apache-2.0
#pragma once
// journal_lines: what the lines of a journal say, and whether they can be believed.
//
// A line is a JSON object whose last member, "crc32", is the checksum of all before it. That of an entry is seeded with
// the run's own identifier, so that a line of another run's journal does not fit. What does not fit, and what has a
// member that is missing, of another type or out of its range, is damaged: never an exception of a library, never a
// figure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <waitwork/report/checked_json.hpp>

#include <harness/record/outcome.hpp>
#include <harness/suite/run_configuration.hpp>

namespace waitwork::bench {

struct journal_header {
  run_configuration configuration;
  std::string rows;               // digest of the names of the rows
  std::string environment;        // digest of machine and build
  double work_per_us = 0;         // busy-work steps to a microsecond, measured once a run
  std::string started;            // UTC
  nlohmann::ordered_json limits;  // of the machine, probed once a run; as the report has them
  std::string run;                // identifies the run; of no meaning else
};

struct journal_entry {
  std::string row;
  unsigned round = 0;
  double took_s = 0;  // the whole child, for the estimate of the time that remains
  row_outcome outcome;
};

// Lines with their newline.
std::string line_of(const journal_header& header);
std::string line_of(const journal_entry& entry, std::string_view run);

// How a header of any version begins.
inline constexpr std::string_view header_start = "{\"format\":\"waitwork-journal-";

// How an entry begins.
inline constexpr std::string_view entry_start = "{\"row\":";

// Whether a line is a header of some version, damaged or not.
bool is_header(std::string_view line);

// What a line without its newline says. Throws malformed_json.
journal_header parse_header(std::string_view line);
// `rounds` is the run's; a round from there on is out of range.
journal_entry parse_entry(std::string_view line, std::string_view run, unsigned rounds);

}  // namespace waitwork::bench
