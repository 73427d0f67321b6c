#include <waitwork/parallel/effective_cpus.hpp>

#include <errno.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <new>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

#include <waitwork/base/environment_error.hpp>

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

// The mounts that can hold a CPU quota: version 2, and the version 1 hierarchy of the controller
// "cpu". A line, see proc_pid_mountinfo(5): id parent device ROOT POINT options [optional...] -
// TYPE source SUPER_OPTIONS
std::vector<cgroup_mount> cgroup_mounts(const std::filesystem::path& root) {
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
    if (!unified && !(type == "cgroup" && list_contains(super_options, "cpu"))) continue;
    mounts.push_back({unified, unescape(shown), unescape(point)});
  }
  return mounts;
}

// This process's cgroup in the version 2 hierarchy or in that of the version 1 controller "cpu";
// empty if it has none. A line, see cgroups(7): hierarchy:controllers:path, version 2 being
// "0::path".
std::string cgroup_path(const std::filesystem::path& root, bool unified) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view controllers =
        std::string_view(line).substr(first + 1, second - first - 1);
    const bool is_unified = line.starts_with("0:") && controllers.empty();
    if (unified ? is_unified : list_contains(controllers, "cpu")) return line.substr(second + 1);
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

struct quota_limit {
  double cpus;
  std::filesystem::path source;
};

// cpu.max is "max 100000" or "150000 100000".
std::optional<quota_limit> read_v2(const std::filesystem::path& directory) {
  std::ifstream file(directory / "cpu.max");
  double quota_us = 0;
  double period_us = 0;
  if (!(file >> quota_us >> period_us) || quota_us <= 0 || period_us <= 0) return std::nullopt;
  return quota_limit{quota_us / period_us, directory / "cpu.max"};
}

// cpu.cfs_quota_us is -1 for no limit.
std::optional<quota_limit> read_v1(const std::filesystem::path& directory) {
  double quota_us = 0;
  double period_us = 0;
  if (!(std::ifstream(directory / "cpu.cfs_quota_us") >> quota_us) || quota_us <= 0) {
    return std::nullopt;
  }
  if (!(std::ifstream(directory / "cpu.cfs_period_us") >> period_us) || period_us <= 0) {
    return std::nullopt;
  }
  return quota_limit{quota_us / period_us, directory / "cpu.cfs_quota_us"};
}

// A set of CPUs, of as many bytes as `cpus` of them need.
class cpu_mask {
 public:
  explicit cpu_mask(unsigned cpus) : cpus_(cpus), set_(CPU_ALLOC(cpus)), bytes_(CPU_ALLOC_SIZE(cpus)) {
    if (set_ == nullptr) throw std::bad_alloc();
    CPU_ZERO_S(bytes_, set_);
  }
  ~cpu_mask() { CPU_FREE(set_); }
  cpu_mask(const cpu_mask&) = delete;
  cpu_mask& operator=(const cpu_mask&) = delete;

  // The error number, or 0.
  int read_affinity() { return ::sched_getaffinity(0, bytes_, set_) == 0 ? 0 : errno; }
  int write_affinity() const { return ::sched_setaffinity(0, bytes_, set_) == 0 ? 0 : errno; }

  void add(unsigned cpu) { CPU_SET_S(cpu, bytes_, set_); }
  std::vector<unsigned> members() const {
    std::vector<unsigned> found;
    for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
      if (CPU_ISSET_S(cpu, bytes_, set_)) found.push_back(cpu);
    }
    return found;
  }

 private:
  unsigned cpus_;
  cpu_set_t* set_;
  std::size_t bytes_;
};

}  // namespace

unsigned cpu_allowance::effective() const noexcept {
  if (!quota || *quota >= static_cast<double>(affinity)) return std::max(affinity, 1u);
  return std::max(static_cast<unsigned>(std::ceil(*quota)), 1u);
}

void read_cpu_quota(const std::filesystem::path& root, cpu_allowance& allowance) {
  for (const cgroup_mount& mount : cgroup_mounts(root)) {
    const std::string path = cgroup_path(root, mount.unified);
    if (path.empty()) continue;
    const std::filesystem::path top = root / std::filesystem::path(mount.point).relative_path();
    // Every cgroup from ours up to the top of the mount: a limit holds for all below it.
    std::filesystem::path below = below_mount(path, mount.shown);
    while (true) {
      const std::filesystem::path directory = below.empty() ? top : top / below;
      const auto limit = mount.unified ? read_v2(directory) : read_v1(directory);
      if (limit && (!allowance.quota || limit->cpus < *allowance.quota)) {
        allowance.quota = limit->cpus;
        allowance.quota_source = limit->source.string();
      }
      if (below.empty()) break;
      below = below.parent_path();
    }
  }
}

cpu_allowance read_cpu_allowance() {
  cpu_allowance allowance;
  allowance.affinity = static_cast<unsigned>(affinity_cpus().size());
  read_cpu_quota("/", allowance);
  return allowance;
}

unsigned effective_cpus() { return read_cpu_allowance().effective(); }

std::vector<unsigned> affinity_cpus() {
  // The kernel refuses (EINVAL) a mask smaller than its own, whose size is not to be asked for.
  for (unsigned cpus = 1024; cpus <= 1u << 20; cpus *= 2) {
    cpu_mask mask(cpus);
    const int error = mask.read_affinity();
    if (error == 0) return mask.members();
    if (error != EINVAL) break;
  }
  return {0};
}

void pin_this_thread(unsigned cpu) {
  cpu_mask mask(std::max(cpu + 1, 1024u));
  mask.add(cpu);
  if (const int error = mask.write_affinity()) {
    throw environment_error("pin", "a thread to CPU " + std::to_string(cpu), std::generic_category().message(error),
                            "choose from the CPUs that this process may use (taskset -p, cpuset of the control group)");
  }
}

}  // namespace waitwork
