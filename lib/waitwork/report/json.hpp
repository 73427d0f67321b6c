#pragma once
// The report as text.
//
// Laid out so that a person can read it and a line-based diff stays small: the context indented,
// and each measurement, failure or declared row on a line of its own (indented in full, a histogram
// alone would take a thousand lines).

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include <waitwork/report/model.hpp>

namespace waitwork {

// The JSON pointer of the first null, NaN or infinity in `value`; nothing if all of it can be
// written. JSON has no NaN: nlohmann would write null, other writers a bare word, and readers
// reject the whole file for either.
std::optional<std::string> find_unrepresentable(const nlohmann::ordered_json& value);

// The whole file, ending in a newline. It is a bug to pass figures that find_unrepresentable()
// finds.
std::string report_text(const report& finished);

}  // namespace waitwork
