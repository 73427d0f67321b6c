// SPDX-License-Identifier: Apache-2.0
#include <harness/record/journal.hpp>

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include <waitwork/base/open_descriptor.hpp>
#include <waitwork/base/open_file.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/report/destination.hpp>
#include <waitwork/report/read_file.hpp>

#include <harness/record/line_reader.hpp>

namespace waitwork::bench {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const char* operation, const fs::path& file, int error) {
  throw file_error(operation, file.string(), error);
}

// The error of a call on the open file.
[[noreturn]] void refuse_call(const char* operation, const fs::path& file, const char* call, int error) {
  throw descriptor_error(operation, file.string(), call, error);
}

[[noreturn]] void refuse_content(const fs::path& file, const std::string& cause) {
  throw environment_error("read journal", file.string(), cause, "start anew without --resume");
}

void lock(const unique_fd& fd, const fs::path& file) {
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return;
  if (errno != EWOULDBLOCK) return;  // a file system without locks (some NFS), or a sandbox: then nobody can ask
  throw environment_error("open journal", file.string(), "another run is writing it",
                          "let it finish, or write the report elsewhere with --out");
}

// O_NOFOLLOW: the journal's name is derived from the report's and was not given by the user.
constexpr int open_flags = O_RDWR | O_NOFOLLOW;

std::optional<unique_fd> open_existing(const fs::path& file) {
  std::error_code ignored;
  if (fs::is_symlink(fs::symlink_status(file, ignored))) {
    throw environment_error("open journal", file.string(), "it is a symbolic link, and a journal is none",
                            "move it, or write the report elsewhere with --out");
  }
  return open_regular_file("open journal", file, open_flags);
}

unique_fd open_new(const fs::path& file) {
  unique_fd fd = open_descriptor(AT_FDCWD, file.c_str(), open_flags | O_CREAT | O_EXCL, 0666);
  if (!fd) refuse("begin journal", file, errno);
  return fd;
}

// Of whatever version, however damaged.
bool is_a_journal(int fd) {
  line_reader lines(fd);
  while (const std::optional<std::string> line = lines.next()) {
    if (line->find(header_start) != std::string::npos) return true;
  }
  return false;
}

// Nothing was finished when the run that began it was killed: it is empty, or the first line was being written.
bool holds_nothing(int fd) {
  line_reader lines(fd);
  if (lines.next() || lines.error() != 0) return false;
  struct stat status;
  if (::fstat(fd, &status) != 0) return false;
  if (status.st_size == 0) return true;
  std::string start(64, '\0');
  const ssize_t count = ::pread(fd, start.data(), start.size(), 0);
  if (count <= 0) return false;
  start.resize(static_cast<std::size_t>(count));
  return is_header(start) || header_start.starts_with(start);
}

// A damaged newline may have joined two lines, or a new one cut a line: the header is also looked for at the end of a
// line.
std::optional<journal_header> header_in(std::string_view line, std::string& why_not) {
  const std::size_t start = line.rfind(header_start);
  if (start == std::string_view::npos) return std::nullopt;
  try {
    return parse_header(line.substr(start));
  } catch (const malformed_json& error) {
    if (why_not.empty()) why_not = error.what();
    return std::nullopt;
  }
}

// The first of its copies that can be believed.
journal_header read_header(int fd, const fs::path& file) {
  line_reader lines(fd);
  std::string why_not;
  while (const std::optional<std::string> line = lines.next()) {
    if (std::optional<journal_header> header = header_in(*line, why_not)) return *std::move(header);
  }
  if (lines.error() != 0) refuse_call("read journal", file, "pread", lines.error());
  if (why_not.empty()) refuse_content(file, "it is not a journal of this version of waitwork");
  refuse_content(
      file, "it is not a journal of this version of waitwork, or its first line and every copy of it are damaged: " +
                why_not);
}

// Between opening and locking, another run may have ended and removed the file that was opened.
void require_name(const unique_fd& fd, const fs::path& file) {
  if (is_called(fd.get(), AT_FDCWD, file.c_str())) return;
  throw environment_error("open journal", file.string(), "another run has just removed or replaced it", "try again");
}

// The name of a new file is on the device only when its directory is. Some file systems cannot flush a directory.
void flush_directory_of(const fs::path& file) {
  const unique_fd parent = open_descriptor(AT_FDCWD, directory_of(file).c_str(), O_RDONLY | O_DIRECTORY);
  if (!parent) return;  // one may have the right to make files in a folder, but not to read it
  if (!synced(parent.get())) refuse_call("begin journal", file, "fsync", errno);
}

}  // namespace

journal::journal(fs::path file, unique_fd fd) : file_(std::move(file)), fd_(std::move(fd)) {}

journal journal::begin(const fs::path& file, const journal_header& header) {
  std::optional<unique_fd> existing = open_existing(file);
  const bool is_new = !existing;
  journal made(file, is_new ? open_new(file) : *std::move(existing));
  lock(made.fd_, file);
  require_name(made.fd_, file);
  if (!holds_nothing(made.fd_.get())) refuse("begin journal", file, EEXIST);
  made.may_be_torn_ = !is_new;
  made.header_ = header;
  const std::string line = line_of(header);
  try {
    made.write_lines(line + line);
    flush_directory_of(file);
  } catch (const environment_error&) {
    made.remove();  // it holds nothing
    throw;
  }
  return made;
}

std::optional<journal> journal::resume(const fs::path& file) {
  std::optional<unique_fd> fd = open_existing(file);
  if (!fd) return std::nullopt;
  journal opened(file, *std::move(fd));
  lock(opened.fd_, file);
  require_name(opened.fd_, file);
  if (holds_nothing(opened.fd_.get())) return std::nullopt;
  opened.header_ = read_header(opened.fd_.get(), file);
  line_reader lines(opened.fd_.get());
  while (lines.next()) {
  }
  if (lines.error() != 0) refuse_call("read journal", file, "pread", lines.error());
  opened.bytes_ = lines.whole_bytes();
  opened.may_be_torn_ = true;
  return opened;
}

journal_damage journal::read(const std::function<void(journal_entry&&)>& visit) const {
  journal_damage damage;
  const auto note = [&damage](unsigned number, const char* why) {
    if (damage.lines++ == 0) damage.first = number, damage.why_first = why;
  };
  line_reader lines(fd_.get());
  unsigned number = 0;
  while (const std::optional<std::string> line = lines.next()) {
    ++number;
    try {
      if (number == 1 || is_header(*line)) {  // a killed run may have written it once only
        parse_header(*line);
      } else {
        visit(parse_entry(*line, header_.run, header_.configuration.rounds));
      }
    } catch (const malformed_json& error) {
      note(number, error.what());
      // A damaged newline may have joined it to the end of another line.
      const std::size_t start = line->rfind(entry_start);
      if (start == std::string::npos || start == 0) continue;
      try {
        visit(parse_entry(std::string_view(*line).substr(start), header_.run, header_.configuration.rounds));
      } catch (const malformed_json&) {
      }
    }
  }
  if (lines.error() != 0) refuse_call("read journal", file_, "pread", lines.error());
  return damage;
}

bool journal::has_its_name() const noexcept { return is_called(fd_.get(), AT_FDCWD, file_.c_str()); }

bool journal::remove() const {
  if (!has_its_name()) return false;
  if (::unlink(file_.c_str()) != 0) refuse("remove journal", file_, errno);
  return true;
}

void journal::append(const journal_entry& entry) {
  constexpr unsigned entries_between_headers = 8;
  std::string lines = line_of(entry, header_.run);
  if (++since_header_ == entries_between_headers) {
    lines += line_of(header_);
    since_header_ = 0;
  }
  write_lines(lines);
}

void journal::write_lines(std::string_view lines) {
  const auto give_up = [this](const char* call, int error) {
    [[maybe_unused]] const int cut = ::ftruncate(fd_.get(), static_cast<off_t>(bytes_));
    refuse_call("write journal", file_, call, error);
  };
  // Only now: a run that turns out to be another one leaves the file as it is.
  if (may_be_torn_ && ::ftruncate(fd_.get(), static_cast<off_t>(bytes_)) != 0) {
    refuse_call("write journal", file_, "ftruncate", errno);
  }
  may_be_torn_ = false;
  std::size_t done = 0;
  while (done < lines.size()) {
    // A short write is followed by one that says why: no room, or a limit on the size of files.
    const ssize_t written =
        ::pwrite(fd_.get(), lines.data() + done, lines.size() - done, static_cast<off_t>(bytes_ + done));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) give_up("pwrite", written < 0 ? errno : EIO);
    done += static_cast<std::size_t>(written);
  }
  if (!data_synced(fd_.get())) give_up("fdatasync", errno);
  bytes_ += lines.size();
}

fs::path set_journal_aside(const fs::path& file) {
  const std::optional<unique_fd> existing = open_existing(file);
  if (!existing) return {};
  lock(*existing, file);
  if (holds_nothing(existing->get())) return {};
  if (!is_a_journal(existing->get())) {
    throw environment_error("begin journal", file.string(),
                            "what is there is no journal of waitwork, and not ours to move",
                            "move it, or write the report elsewhere with --out");
  }
  constexpr unsigned most_kept = 100'000;  // whoever has so many has no place left for another
  for (unsigned number = 1; number <= most_kept; ++number) {
    fs::path aside = file;
    aside += "." + std::to_string(number);
    // Never over what is there; a file system without this flag (EINVAL) has hard links.
    if (::renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, aside.c_str(), RENAME_NOREPLACE) == 0) return aside;
    if ((errno == EINVAL || errno == ENOSYS) && ::link(file.c_str(), aside.c_str()) == 0) {
      if (::unlink(file.c_str()) == 0) return aside;
    }
    if (errno != EEXIST) refuse("set aside journal", file, errno);
  }
  refuse("set aside journal", file, EEXIST);
}

}  // namespace waitwork::bench
