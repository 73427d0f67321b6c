// SPDX-License-Identifier: Apache-2.0
#pragma once
// work_directory: where the workloads of one run keep their files.
//
// A directory `waitwork-<own name>` in a place that the user may choose, which may be /var/tmp, a home directory or a
// volume that containers share. Nothing is removed there that we did not make:
//
// - A run makes a new directory under a random name and never uses or removes what exists, so nobody can be in its way.
// - At its end it removes the files that have names of ours (work_files.hpp), then the directory. Whatever else lies in
//   it stays, and so does the directory.
// - A runner that was killed cannot do that: the next run in the same place does, for each directory that has a name of
//   ours (waitwork/base/own_name.hpp), is a real directory of this user's that nobody else may enter, whose marker
//   (work_directory_marker.hpp) is of this very directory, that nobody holds a lock on, and whose process does not
//   live. The lock is what says so across containers, where every runner may be process 1.
// - A run that was killed between making its directory and marking it leaves it empty. The name alone then proves it,
//   and all that can be lost is an empty directory: it is removed as well.
//
// All of this goes through descriptors of the directories, so that nobody can exchange one for a link meanwhile. On a
// file system without locks (some NFS) nothing stale is ever removed.

#include <filesystem>
#include <string>

#include <waitwork/base/unique_fd.hpp>

namespace waitwork::bench {

class work_directory {
 public:
  // Throws environment_error if nothing can be written in `place`.
  explicit work_directory(const std::filesystem::path& place);
  ~work_directory();
  work_directory(const work_directory&) = delete;
  work_directory& operator=(const work_directory&) = delete;

  // Absolute.
  const std::filesystem::path& path() const noexcept { return path_; }

  // What the destructor does, with an answer: false if it stays, because something lies in it that is not ours or the
  // system refused.
  bool remove() noexcept;

 private:
  void make();
  bool mark();

  std::filesystem::path path_;
  std::string name_;  // in the place; empty once it is removed
  unique_fd place_;
  unique_fd directory_;  // holds the lock
};

}  // namespace waitwork::bench
