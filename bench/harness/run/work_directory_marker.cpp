// SPDX-License-Identifier: Apache-2.0
#include <harness/run/work_directory_marker.hpp>

#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

namespace waitwork::bench {
namespace {

constexpr const char* format_name = "waitwork-work-directory-1";

std::string content_of(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string boot_identifier() {
  std::istringstream words(content_of("/proc/sys/kernel/random/boot_id"));
  std::string identifier;
  return words >> identifier ? identifier : "-";
}

// Field 22 of proc_pid_stat(5). The second, the program's name, may hold anything: counted from behind its bracket.
std::uint64_t start_of(pid_t process) {
  const std::string stat = content_of("/proc/" + std::to_string(process) + "/stat");
  const std::size_t bracket = stat.rfind(')');
  if (bracket == std::string::npos) return 0;
  std::istringstream words(stat.substr(bracket + 1));
  std::string word;
  for (int field = 3; field < 22; ++field) words >> word;
  std::uint64_t ticks = 0;
  return words >> ticks ? ticks : 0;
}

}  // namespace

work_directory_marker marker_of_this_process(std::string directory, ino_t inode) {
  return {std::move(directory), inode, ::getpid(), start_of(::getpid()), boot_identifier()};
}

std::string to_text(const work_directory_marker& marker) {
  std::ostringstream text;
  text << format_name << "\ndirectory " << marker.directory << "\ninode " << marker.inode << "\nprocess "
       << marker.process << "\nstarted " << marker.started_ticks << "\nboot " << marker.boot << '\n';
  return text.str();
}

std::optional<work_directory_marker> marker_from_text(std::string_view text) {
  std::istringstream words{std::string(text)};
  work_directory_marker marker;
  std::string skipped;
  words >> skipped >> skipped >> marker.directory >> skipped >> marker.inode >> skipped >> marker.process >> skipped >>
      marker.started_ticks >> skipped >> marker.boot;
  // What the words are, and that nothing else is there, is seen by writing it again.
  if (!words || to_text(marker) != text) return std::nullopt;
  return marker;
}

bool owner_lives(const work_directory_marker& marker) {
  return marker.started_ticks != 0 && marker.boot != "-" && marker.boot == boot_identifier() &&
         start_of(marker.process) == marker.started_ticks;
}

}  // namespace waitwork::bench
