// SPDX-License-Identifier: Apache-2.0
#include <waitwork/base/cgroup.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include <waitwork/base/small_file.hpp>

namespace waitwork {
namespace {

// Where a cgroup hierarchy is mounted, and which of its cgroups is the top of what the mount shows.
struct cgroup_mount {
  bool unified = false;  // version 2
  std::string shown;     // "/" or, in a container without a cgroup namespace, e.g. "/docker/1f3a"
  std::string point;
};

// No path that the kernel shows is longer (PATH_MAX), and no cgroup nests deeper than its names are long.
constexpr std::size_t path_most_bytes = 4096;

// More limits than any process is under: what would give more is not believed.
constexpr std::size_t directories_most = 4096;

bool is_octal(char digit) noexcept { return digit >= '0' && digit <= '7'; }

// mountinfo writes space, tab, newline and backslash as \ooo.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::string_view code = text.substr(at, 4);
    if (code.size() == 4 && code[0] == '\\' && code[1] <= '1' && std::ranges::all_of(code.substr(1), is_octal)) {
      plain += static_cast<char>((code[1] - '0') * 64 + (code[2] - '0') * 8 + (code[3] - '0'));
      at += 3;
    } else {
      plain += text[at];
    }
  }
  return plain;
}

bool list_contains(std::string_view commas, std::string_view wanted) {
  while (!commas.empty()) {
    if (take_until(commas, ',') == wanted) return true;
  }
  return false;
}

// Of a length that a path can have, without a part "..": nothing leads out of a mount.
bool is_believable(std::string_view path) {
  if (path.empty() || path.size() > path_most_bytes || path.find('\0') != std::string_view::npos) return false;
  while (!path.empty()) {
    if (take_until(path, '/') == "..") return false;
  }
  return true;
}

// The next field of a line, white space being one blank.
std::string_view take_field(std::string_view& line) noexcept { return take_until(line, ' '); }

// A line, see proc_pid_mountinfo(5): id parent device ROOT POINT options [optional...] - TYPE source SUPER_OPTIONS
std::optional<cgroup_mount> parse_mount(std::string_view line, std::string_view controller) {
  for (int skipped = 0; skipped < 3; ++skipped) take_field(line);
  const std::string shown = unescape(take_field(line));
  const std::string point = unescape(take_field(line));
  while (!line.empty() && take_field(line) != "-") {
  }
  const std::string_view type = take_field(line);
  take_field(line);
  const bool unified = type == "cgroup2";
  if (!unified && !(type == "cgroup" && list_contains(take_field(line), controller))) return std::nullopt;
  // What is shown may be "/..", of a mount from outside of the cgroup namespace.
  if (shown.size() > path_most_bytes || !is_believable(point)) return std::nullopt;
  return cgroup_mount{unified, shown, point};
}

// The mounts that can hold a limit: version 2, and the version 1 hierarchy of the controller.
std::vector<cgroup_mount> cgroup_mounts(const std::filesystem::path& root, std::string_view controller) {
  std::vector<cgroup_mount> mounts;
  const std::string text = read_small_file(root / "proc/self/mountinfo").value_or("");
  for (std::string_view rest = text; !rest.empty() && mounts.size() < directories_most;) {
    if (auto mount = parse_mount(take_until(rest, '\n'), controller)) mounts.push_back(*std::move(mount));
  }
  return mounts;
}

// This process's cgroup in the version 2 hierarchy or in that of the version 1 controller; empty if it has none. A
// line, see cgroups(7): hierarchy:controllers:path, version 2 being "0::path".
std::string cgroup_path(const std::filesystem::path& root, std::string_view controller, bool unified) {
  const std::string text = read_small_file(root / "proc/self/cgroup").value_or("");
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = take_until(rest, '\n');
    const std::string_view hierarchy = take_until(line, ':');
    const std::string_view controllers = take_until(line, ':');
    const bool is_unified = hierarchy == "0" && controllers.empty();
    const bool wanted = unified ? is_unified : list_contains(controllers, controller);
    if (wanted && line.starts_with('/') && line.size() <= path_most_bytes) return std::string(line);
  }
  return {};
}

// `path` as seen through the mount, relative to its mount point. Empty (the mount point itself)
// where the mount does not show the cgroup, as when this process was moved out of its namespace
// ("/../other").
std::string below_mount(const std::string& path, const std::string& shown) {
  if (!is_believable(path)) return {};
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
    if (directories.size() > directories_most) return {};
  }
  return directories;
}

}  // namespace waitwork
