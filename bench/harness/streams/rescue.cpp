// SPDX-License-Identifier: Apache-2.0
#include <harness/streams/rescue.hpp>

#include <string>
#include <system_error>

#include <waitwork/base/environment_error.hpp>
#include <waitwork/report/atomic_write.hpp>

namespace waitwork::bench {
namespace {

namespace fs = std::filesystem;

fs::path free_name_in(const fs::path& folder) {
  std::error_code ignored;
  fs::path name = folder / "waitwork-report.json";
  for (unsigned number = 1; fs::exists(fs::symlink_status(name, ignored)); ++number) {
    name = folder / ("waitwork-report." + std::to_string(number) + ".json");
  }
  return name;
}

}  // namespace

std::optional<fs::path> rescue(std::string_view text, const fs::path& other) {
  for (const fs::path& folder : {fs::path("."), other}) {
    try {
      const fs::path name = free_name_in(folder);
      write_file_atomically(name, text);
      return folder == "." ? name.filename() : name;
    } catch (const environment_error&) {
    }
  }
  return std::nullopt;
}

}  // namespace waitwork::bench
