// SPDX-License-Identifier: Apache-2.0
#include <waitwork/report/report_head.hpp>

#include <limits>

#include <waitwork/report/checked_json.hpp>
#include <waitwork/report/json.hpp>
#include <waitwork/report/model.hpp>

namespace waitwork {
namespace {

constexpr std::uint64_t most_rounds = std::numeric_limits<unsigned>::max();
constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

}  // namespace

std::optional<report_head> read_report_head(std::string_view text) {
  try {
    const nlohmann::ordered_json parsed = parse_json(text);
    const nlohmann::ordered_json& ours = object_member(parsed, "waitwork");
    const std::string schema = text_member(ours, "schema");
    if (schema.substr(0, schema.find('.')) != report_schema_version.substr(0, report_schema_version.find('.'))) {
      return std::nullopt;
    }
    if (ours.contains("digest") && !digest_fits(text, text_member(ours, "digest"))) return std::nullopt;
    report_head head;
    head.suite = text_member(ours, "suite");
    head.filter = text_member(ours, "filter");
    head.rounds = static_cast<unsigned>(whole_member(ours, "rounds", 0, most_rounds));
    head.seed = whole_member(ours, "seed", 0, most);
    head.complete = bool_member(ours, "complete");
    head.measurements = array_member(parsed, "benchmarks").size();
    return head;
  } catch (const malformed_json&) {
    return std::nullopt;
  }
}

}  // namespace waitwork
