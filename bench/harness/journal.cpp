#include <harness/journal.hpp>

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include <waitwork/base/refusal.hpp>
#include <waitwork/report/read_file.hpp>

#include <harness/line_reader.hpp>

namespace waitwork::bench {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const char* operation, const fs::path& file, int error) {
  throw file_error(operation, file.string(), error);
}

[[noreturn]] void refuse_content(const fs::path& file, const std::string& cause) {
  throw environment_error("read journal", file.string(), cause, "start anew without --resume");
}

void lock(const unique_fd& fd, const fs::path& file) {
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return;
  if (errno != EWOULDBLOCK) refuse("lock journal", file, errno);
  throw environment_error("open journal", file.string(), "another run is writing it",
                          "let it finish, or write the report elsewhere with --out");
}

// O_NOFOLLOW: the journal's name is derived from the report's and was not given by the user.
constexpr int open_flags = O_RDWR | O_NOFOLLOW;

std::optional<unique_fd> open_existing(const fs::path& file) {
  return open_regular_file("open journal", file, open_flags);
}

unique_fd open_new(const fs::path& file) {
  unique_fd fd(::open(file.c_str(), open_flags | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!fd) refuse("begin journal", file, errno);
  return fd;
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
  constexpr std::string_view ours = "{\"format\":\"waitwork-journal-";
  return is_header(start) || ours.starts_with(start);
}

// The first of two equal lines that can be believed.
journal_header read_header(line_reader& lines, const fs::path& file) {
  std::string why_not;
  for (int copy = 0; copy < 2; ++copy) {
    const std::optional<std::string> line = lines.next();
    if (!line) break;
    try {
      return parse_header(*line);
    } catch (const malformed_json& error) {
      if (copy == 0 || is_header(*line)) why_not = error.what();
    }
  }
  if (lines.error() != 0) refuse("read journal", file, lines.error());
  refuse_content(file, "it is not a journal of this version of waitwork, or its beginning is damaged: " + why_not);
}

// The name of a new file is on the device only when its directory is. Some file systems cannot flush a directory.
void flush_directory_of(const fs::path& file) {
  const fs::path directory = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const unique_fd parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent) return;  // one may have the right to make files in a folder, but not to read it
  if (::fsync(parent.get()) != 0 && errno != EINVAL && errno != EOPNOTSUPP) refuse("begin journal", file, errno);
}

}  // namespace

journal::journal(fs::path file, unique_fd fd) : file_(std::move(file)), fd_(std::move(fd)) {}

journal journal::begin(const fs::path& file, const journal_header& header) {
  std::optional<unique_fd> existing = open_existing(file);
  const bool is_new = !existing;
  journal made(file, is_new ? open_new(file) : *std::move(existing));
  lock(made.fd_, file);
  if (!holds_nothing(made.fd_.get())) refuse("begin journal", file, EEXIST);
  made.may_be_torn_ = !is_new;
  made.header_ = header;
  const std::string line = line_of(header);
  try {
    made.write_lines(line + line);
    flush_directory_of(file);
  } catch (const environment_error&) {
    ::unlink(file.c_str());  // it is ours, locked, and holds nothing
    throw;
  }
  return made;
}

std::optional<journal> journal::resume(const fs::path& file) {
  std::optional<unique_fd> fd = open_existing(file);
  if (!fd) return std::nullopt;
  journal opened(file, *std::move(fd));
  lock(opened.fd_, file);
  if (holds_nothing(opened.fd_.get())) return std::nullopt;
  line_reader lines(opened.fd_.get());
  opened.header_ = read_header(lines, file);
  while (lines.next()) {
  }
  if (lines.error() != 0) refuse("read journal", file, lines.error());
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
    }
  }
  if (lines.error() != 0) refuse("read journal", file_, lines.error());
  return damage;
}

void journal::append(const journal_entry& entry) { write_lines(line_of(entry, header_.run)); }

void journal::write_lines(std::string_view lines) {
  const auto give_up = [this](int error) {
    [[maybe_unused]] const int cut = ::ftruncate(fd_.get(), static_cast<off_t>(bytes_));
    refuse("write journal", file_, error);
  };
  // Only now: a run that turns out to be another one leaves the file as it is.
  if (may_be_torn_ && ::ftruncate(fd_.get(), static_cast<off_t>(bytes_)) != 0) refuse("write journal", file_, errno);
  may_be_torn_ = false;
  std::size_t done = 0;
  while (done < lines.size()) {
    // A short write is followed by one that says why: no room, or a limit on the size of files.
    const ssize_t written =
        ::pwrite(fd_.get(), lines.data() + done, lines.size() - done, static_cast<off_t>(bytes_ + done));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) give_up(written < 0 ? errno : EIO);
    done += static_cast<std::size_t>(written);
  }
  if (::fdatasync(fd_.get()) != 0) give_up(errno);
  bytes_ += lines.size();
}

fs::path set_journal_aside(const fs::path& file) {
  const std::optional<unique_fd> existing = open_existing(file);
  if (!existing) return {};
  lock(*existing, file);
  if (holds_nothing(existing->get())) return {};
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
