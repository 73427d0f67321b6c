#pragma once
// output_place: where a report goes, understood in one way before measuring and after it.
//
// A name can be a file, which is replaced as a whole; a descriptor that this process was given ("-", /dev/stdout, /dev/fd/63 of
// a shell's >(...)), which is written through as it is, whatever stands behind it; or a pipe or a device, which is opened and
// written in place. A name is taken as it stands: what /dev/stdout points to is not looked up, since a log file behind it is
// nobody's to replace.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace waitwork::bench {

class output_place {
 public:
  // Nothing is opened yet.
  explicit output_place(std::filesystem::path name);

  const std::filesystem::path& name() const noexcept { return name_; }

  // Whether it is, or will be, a regular file that is replaced as a whole; a journal can then stand beside it.
  bool is_file() const;

  bool is_standard_output() const noexcept { return descriptor_ == 1; }

  // Whether both would be written to one place.
  bool same_as(const output_place& other) const;

  // Throws environment_error if write() could not even begin: no such folder, no permission, a closed descriptor. Leaves
  // nothing behind.
  void check() const;

  // Throws environment_error if not all was written, also if a signal has come while a pipe kept it waiting
  // (patient_write.hpp). A file is then as it was before.
  void write(std::string_view text) const;

 private:
  std::filesystem::path name_;
  std::optional<int> descriptor_;
};

}  // namespace waitwork::bench
