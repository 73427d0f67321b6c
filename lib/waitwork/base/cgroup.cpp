#include <waitwork/base/cgroup.hpp>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <sstream>
#include <string>

namespace waitwork {
namespace {

// Where a cgroup hierarchy is mounted, and which of its cgroups is the top of what the mount shows.
struct cgroup_mount {
  bool unified = false;  // version 2
  std::string shown;     // "/" or, in a container without a cgroup namespace, e.g. "/docker/1f3a"
  std::string point;
};

// mountinfo writes space, tab, newline and backslash as \ooo.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 3 < text.size()) {
      int code = 0;
      for (std::size_t digit = 1; digit <= 3; ++digit) code = code * 8 + (text[at + digit] - '0');
      plain += static_cast<char>(code);
      at += 3;
    } else {
      plain += text[at];
    }
  }
  return plain;
}

bool list_contains(std::string_view commas, std::string_view wanted) {
  while (!commas.empty()) {
    const std::size_t comma = std::min(commas.find(','), commas.size());
    if (commas.substr(0, comma) == wanted) return true;
    commas.remove_prefix(std::min(comma + 1, commas.size()));
  }
  return false;
}

// The mounts that can hold a limit: version 2, and the version 1 hierarchy of the controller. A
// line, see proc_pid_mountinfo(5): id parent device ROOT POINT options [optional...] - TYPE source
// SUPER_OPTIONS
std::vector<cgroup_mount> cgroup_mounts(const std::filesystem::path& root, std::string_view controller) {
  std::vector<cgroup_mount> mounts;
  std::ifstream file(root / "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string skipped, shown, point, word, type, source, super_options;
    fields >> skipped >> skipped >> skipped >> shown >> point;
    while (fields >> word && word != "-") {
    }
    fields >> type >> source >> super_options;
    const bool unified = type == "cgroup2";
    if (!unified && !(type == "cgroup" && list_contains(super_options, controller))) continue;
    mounts.push_back({unified, unescape(shown), unescape(point)});
  }
  return mounts;
}

// This process's cgroup in the version 2 hierarchy or in that of the version 1 controller; empty if
// it has none. A line, see cgroups(7): hierarchy:controllers:path, version 2 being
// "0::path".
std::string cgroup_path(const std::filesystem::path& root, std::string_view controller, bool unified) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view controllers =
        std::string_view(line).substr(first + 1, second - first - 1);
    const bool is_unified = line.starts_with("0:") && controllers.empty();
    if (unified ? is_unified : list_contains(controllers, controller)) return line.substr(second + 1);
  }
  return {};
}

// `path` as seen through the mount, relative to its mount point. Empty (the mount point itself)
// where the mount does not show the cgroup, as when this process was moved out of its namespace
// ("/../other").
std::string below_mount(const std::string& path, const std::string& shown) {
  if (path.find("..") != std::string::npos) return {};
  std::string_view rest = path;
  if (shown != "/") {
    const bool inside = path == shown || path.starts_with(shown + "/");
    if (!inside) return {};
    rest.remove_prefix(shown.size());
  }
  while (rest.starts_with('/')) rest.remove_prefix(1);
  return std::string(rest);
}

}  // namespace

std::vector<cgroup_directory> cgroup_directories(const std::filesystem::path& root, std::string_view controller) {
  std::vector<cgroup_directory> directories;
  for (const cgroup_mount& mount : cgroup_mounts(root, controller)) {
    const std::string path = cgroup_path(root, controller, mount.unified);
    if (path.empty()) continue;
    const std::filesystem::path top = root / std::filesystem::path(mount.point).relative_path();
    std::filesystem::path below = below_mount(path, mount.shown);
    for (; !below.empty(); below = below.parent_path()) directories.push_back({top / below, mount.unified});
    directories.push_back({top, mount.unified});
  }
  return directories;
}

}  // namespace waitwork
