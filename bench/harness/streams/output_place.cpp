// SPDX-License-Identifier: Apache-2.0
#include <harness/streams/output_place.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include <waitwork/base/refusal.hpp>
#include <waitwork/report/atomic_write.hpp>
#include <waitwork/report/destination.hpp>

#include <harness/streams/interrupts.hpp>
#include <harness/streams/patient_write.hpp>

namespace waitwork::bench {
namespace {

namespace fs = std::filesystem;

bool signal_has_come() {
  const interrupts* const signals = living_interrupts();
  return signals != nullptr && signals->come();
}

}  // namespace

output_place::output_place(fs::path name) : name_(std::move(name)) {}

bool output_place::is_dash() const { return name_ == "-"; }

bool output_place::is_file() const { return !is_dash() && !written_in_place(name_); }

bool output_place::is_standard_output() const {
  return is_dash() || resolve_destination(name_).descriptor == STDOUT_FILENO;
}

bool output_place::same_as(const output_place& other) const {
  if (is_standard_output() || other.is_standard_output()) return is_standard_output() == other.is_standard_output();
  const destination mine = resolve_destination(name_), theirs = resolve_destination(other.name_);
  if (mine.existing && theirs.existing) {
    return mine.existing->st_dev == theirs.existing->st_dev && mine.existing->st_ino == theirs.existing->st_ino;
  }
  std::error_code ignored;  // behind links that lead to what is not there yet
  return fs::weakly_canonical(fs::absolute(mine.file, ignored), ignored) ==
         fs::weakly_canonical(fs::absolute(theirs.file, ignored), ignored);
}

void output_place::check() const {
  if (!is_dash()) return check_writable(name_);
  const int flags = ::fcntl(STDOUT_FILENO, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
    throw environment_error("write", "standard output", "it is closed, or open for reading only",
                            "name a file with --out");
  }
}

void output_place::write(std::string_view text, const std::function<void()>& on_wait) const {
  if (!is_dash()) {
    bool told = false;
    return write_file_atomically(name_, text, [&] {  // asked only while it waits
      if (!std::exchange(told, true)) on_wait();
      return signal_has_come();
    });
  }
  if (const result<void> written = write_interruptibly(STDOUT_FILENO, text); !written) {
    throw file_error("write", "standard output", written.error().value());
  }
}

}  // namespace waitwork::bench
