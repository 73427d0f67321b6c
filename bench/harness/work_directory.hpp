#pragma once
// work_directory: where the workloads of one run keep their files.
//
// A directory `waitwork-<pid>` in a place that the user may choose, removed with everything in it
// at the end. A runner that was killed cannot remove its own: the next run in the same place does,
// for every such directory of ours whose process is gone. A process identifier alone does not prove
// that (containers with identifiers of their own may share the place), so a living runner also
// holds a lock on its directory.

#include <filesystem>
#include <string>

#include <waitwork/base/unique_fd.hpp>

namespace waitwork::bench {

// $TMPDIR, or /var/tmp: unlike /tmp it is not in memory, and a workload that reads a disk must find
// one.
std::filesystem::path default_work_place();

class work_directory {
 public:
  // Throws environment_error if nothing can be written in `place`.
  explicit work_directory(const std::filesystem::path& place);
  ~work_directory();
  work_directory(const work_directory&) = delete;
  work_directory& operator=(const work_directory&) = delete;

  // Absolute.
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
  unique_fd lock_;
};

}  // namespace waitwork::bench
