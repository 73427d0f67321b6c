// SPDX-License-Identifier: Apache-2.0
#include <harness/record/aggregates.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>

namespace waitwork::bench {
namespace {

using nlohmann::ordered_json;
using samples = std::vector<double>;

constexpr std::array<std::string_view, 8> structural_numbers = {"family_index", "per_family_instance_index",
                                                                "repetitions",  "repetition_index",
                                                                "threads",      "iterations",
                                                                "real_time",    "cpu_time"};

double mean(const samples& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double median(samples values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// Of the sample: n - 1. Two passes, because the textbook's difference of squares loses all digits
// of a small spread.
double standard_deviation(const samples& values) {
  const double centre = mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - centre) * (value - centre);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double variation(const samples& values) { return standard_deviation(values) / mean(values); }

std::optional<samples> values_of(std::span<const ordered_json> rounds, const std::string& field) {
  samples values;
  for (const ordered_json& round : rounds) {
    const auto found = round.find(field);
    if (found == round.end()) return std::nullopt;
    values.push_back(found->get<double>());
  }
  return values;
}

struct statistic {
  const char* name;
  const char* unit;
  double (*compute)(const samples&);
};

constexpr std::array statistics = {
    statistic{"mean", "time", mean},
    statistic{"median", "time", [](const samples& values) { return median(values); }},
    statistic{"stddev", "time", standard_deviation},
    statistic{"cv", "percentage", variation},
};

ordered_json aggregate(std::span<const ordered_json> rounds, const statistic& wanted) {
  const ordered_json& first = rounds.front();
  const std::string name = first.at("name");
  ordered_json entry = {{"name", name + "_" + wanted.name}};
  for (const char* const same : {"family_index", "per_family_instance_index", "run_name"}) {
    if (first.contains(same)) entry[same] = first[same];
  }
  entry["run_type"] = "aggregate";
  for (const char* const same : {"repetitions", "threads"}) {
    if (first.contains(same)) entry[same] = first[same];
  }
  entry["aggregate_name"] = wanted.name;
  entry["aggregate_unit"] = wanted.unit;
  entry["iterations"] = rounds.size();  // as Google Benchmark: what was averaged over
  const auto add = [&](const std::string& field) {
    const std::optional<samples> values = values_of(rounds, field);
    if (!values) return;
    const double value = wanted.compute(*values);
    if (std::isfinite(value)) entry[field] = value;
  };
  for (const char* const time : {"real_time", "cpu_time"}) {
    add(time);
    if (!entry.contains(time)) entry[time] = 0.0;  // nothing varies around nothing; readers rely on the field
  }
  entry["time_unit"] = first.value("time_unit", "ns");
  for (const std::string& counter : counter_names(first)) add(counter);
  return entry;
}

}  // namespace

std::vector<std::string> counter_names(const ordered_json& entry) {
  std::vector<std::string> names;
  for (const auto& [field, value] : entry.items()) {
    if (value.is_number() && std::ranges::find(structural_numbers, field) == structural_numbers.end()) {
      names.push_back(field);
    }
  }
  return names;
}

std::vector<ordered_json> aggregates_of(std::span<const ordered_json> rounds) {
  std::vector<ordered_json> entries;
  if (rounds.size() < 2) return entries;
  for (const statistic& wanted : statistics) entries.push_back(aggregate(rounds, wanted));
  return entries;
}

}  // namespace waitwork::bench
