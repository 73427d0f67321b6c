// SPDX-License-Identifier: Apache-2.0
#pragma once
// rescue: a report whose place failed in the end is kept all the same.

#include <filesystem>
#include <optional>
#include <string_view>

namespace waitwork::bench {

// Writes `text` as a new file, never over one: waitwork-report.json, waitwork-report.1.json, ... in the working
// directory or, if nothing can be written there, in `other`. Its name, or nothing if no place will have it.
std::optional<std::filesystem::path> rescue(std::string_view text, const std::filesystem::path& other);

}  // namespace waitwork::bench
