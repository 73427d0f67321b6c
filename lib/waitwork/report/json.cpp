// SPDX-License-Identifier: Apache-2.0
#include <waitwork/report/json.hpp>

#include <cmath>
#include <utility>

#include <waitwork/base/check.hpp>
#include <waitwork/report/checksum.hpp>

namespace waitwork {
namespace {

using nlohmann::ordered_json;

ordered_json row_object(const row_identity& row) {
  return {{"name", row.name},         {"workload", row.workload}, {"variant", row.variant},
          {"strategy", row.strategy}, {"depth", row.depth},       {"workers", row.workers}};
}

ordered_json failure_object(const row_failure& failure) {
  ordered_json object = row_object(failure.row);
  object["round"] = failure.round;
  object["reason"] = to_string(failure.reason);
  object["detail"] = failure.detail;
  return object;
}

ordered_json absence_object(const row_absence& absence) {
  ordered_json object = row_object(absence.row);
  object["cause"] = absence.cause;
  object["remedy"] = absence.remedy;
  return object;
}

// A file name or a system's message need not be UTF-8: what is not becomes U+FFFD instead of an
// exception.
std::string dump(const ordered_json& value, int indent = -1) {
  WAITWORK_CHECK(!find_unrepresentable(value), "a report holds no NaN, infinity or null");
  return value.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}

// `value` over several lines, its inner lines two spaces further in than dump() puts them.
std::string indented(const ordered_json& value) {
  std::string text;
  for (const char character : dump(value, 2)) {
    text += character;
    if (character == '\n') text += "  ";
  }
  return text;
}

// A JSON array with an element to a line.
template <class Elements, class ToObject>
std::string lines(const Elements& elements, const std::string& margin, ToObject to_object) {
  if (elements.empty()) return "[]";
  std::string text = "[";
  const char* separator = "\n";
  for (const auto& element : elements) {
    text += separator + margin + "  " + dump(to_object(element));
    separator = ",\n";
  }
  return text + "\n" + margin + "]";
}

constexpr std::string_view digest_start = "\"digest\": \"crc32:";
constexpr std::string_view no_digits = "00000000";

void find_unrepresentable(const ordered_json& value, const std::string& path, std::optional<std::string>& found) {
  if (value.is_null() || (value.is_number_float() && !std::isfinite(value.get<double>()))) {
    found = path;
  } else if (value.is_structured()) {
    for (const auto& [key, element] : value.items()) {
      if (found) return;
      find_unrepresentable(element, path + "/" + key, found);
    }
  }
}

}  // namespace

std::string_view to_string(failure_reason reason) {
  switch (reason) {
    case failure_reason::timed_out:
      return "timed_out";
    case failure_reason::crashed:
      return "crashed";
    case failure_reason::wrong_answer:
      return "wrong_answer";
    case failure_reason::failed:
      return "failed";
  }
  check_failed(__FILE__, __LINE__, "reason", "a failure_reason is one of its enumerators");
}

std::optional<std::string> find_unrepresentable(const ordered_json& value) {
  std::optional<std::string> found;
  find_unrepresentable(value, "", found);
  return found;
}

std::string report_text(const report& finished) {
  const auto as_it_is = [](const ordered_json& entry) -> const ordered_json& { return entry; };
  const run_description& run = finished.run;
  const std::vector<std::pair<const char*, std::string>> members = {
      {"schema", dump(report_schema_version)},
      {"complete", dump(run.complete)},
      {"suite", dump(run.suite)},
      {"rounds", dump(run.rounds)},
      {"seed", dump(run.seed)},
      {"filter", dump(run.filter)},
      {"started", dump(run.started)},
      {"finished", dump(run.finished)},
      {"failures", lines(finished.failures, "    ", failure_object)},
      {"absent", lines(finished.absent, "    ", absence_object)},
      {"declared", lines(finished.declared, "    ", row_object)},
  };
  std::string text = "{\n  \"context\": " + indented(finished.context);
  text += ",\n  \"benchmarks\": " + lines(finished.benchmarks, "  ", as_it_is);
  text += ",\n  \"waitwork\": {";
  const char* separator = "\n";
  for (const auto& [key, value] : members) {
    text += separator;
    text += std::string("    \"") + key + "\": " + value;
    separator = ",\n";
  }
  const std::size_t digits = text.size() + std::string_view(",\n    ").size() + digest_start.size();
  text += ",\n    " + std::string(digest_start) + std::string(no_digits) + "\"\n  }\n}\n";
  text.replace(digits, no_digits.size(), checksum(text));
  return text;
}

std::string digest_of_report(std::string_view text) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  std::string plain;
  plain.reserve(text.size());
  for (const char character : text) {
    if (character != '\r') plain += character;
  }
  const std::size_t start = plain.rfind(digest_start);
  if (start != std::string::npos && start + digest_start.size() + no_digits.size() <= plain.size()) {
    plain.replace(start + digest_start.size(), no_digits.size(), no_digits);
  }
  return "crc32:" + checksum(plain);
}

bool digest_fits(std::string_view text, std::string_view digest) {
  return digest == "none" || digest == digest_of_report(text);
}

}  // namespace waitwork
