// SPDX-License-Identifier: Apache-2.0
#pragma once
// output_place: where a report goes: the name of a file, a pipe or a device (waitwork/report/atomic_write.hpp), or "-".

#include <filesystem>
#include <functional>
#include <string_view>

namespace waitwork::bench {

class output_place {
 public:
  // Nothing is opened yet.
  explicit output_place(std::filesystem::path name);

  const std::filesystem::path& name() const noexcept { return name_; }

  // Whether it is, or will be, a file that is replaced as a whole; a journal can then stand beside it. Throws
  // environment_error if nothing can be written there.
  bool is_file() const;

  // "-", /dev/stdout or another name of it.
  bool is_standard_output() const;

  // Whether both would be written to one place.
  bool same_as(const output_place& other) const;

  // Throws environment_error if write() could not even begin: no such folder, no permission, a closed descriptor.
  // Leaves nothing behind.
  void check() const;

  // Throws environment_error if not all was written, also if a signal has come while a pipe kept it waiting
  // (interrupts.hpp). A file is then as it was before. `on_wait` is called once if somebody has to read first.
  void write(std::string_view text, const std::function<void()>& on_wait) const;

 private:
  bool is_dash() const;

  std::filesystem::path name_;
};

}  // namespace waitwork::bench
