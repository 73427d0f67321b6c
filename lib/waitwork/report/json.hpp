// SPDX-License-Identifier: Apache-2.0
#pragma once
// The report as text.
//
// Laid out so that a person can read it and a line-based diff stays small: the context indented,
// and each measurement, failure or declared row on a line of its own (indented in full, a histogram
// alone would take a thousand lines).

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <waitwork/report/model.hpp>

namespace waitwork {

// The JSON pointer of the first null, NaN or infinity in `value`; nothing if all of it can be
// written. JSON has no NaN: nlohmann would write null, other writers a bare word, and readers
// reject the whole file for either.
std::optional<std::string> find_unrepresentable(const nlohmann::ordered_json& value);

// The whole file, ending in a newline. It is a bug to pass figures that find_unrepresentable()
// finds. Its last member, waitwork.digest, is the digest of all the rest.
std::string report_text(const report& finished);

// The digest of a report's text: "crc32:" and the checksum of the text, without byte-order mark and
// carriage returns, in which the digest's own digits are zeros. A reader that finds another one reads a
// damaged or edited file, unless another program has laid the JSON out anew.
std::string digest_of_report(std::string_view text);

// Whether the digest that a report carries fits its text; one that says "none" always does.
bool digest_fits(std::string_view text, std::string_view digest);

}  // namespace waitwork
