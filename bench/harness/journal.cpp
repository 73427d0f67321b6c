#include <harness/journal.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include <waitwork/base/environment_error.hpp>

namespace waitwork::bench {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

// In the first line, so that another program's file is not taken for ours. Changes when the lines
// do.
constexpr std::string_view format_name = "waitwork-journal-2";

[[noreturn]] void refuse(const char* operation, const fs::path& file, int error) {
  throw environment_error(operation, file.string(), std::generic_category().message(error),
                          "make room there, or write the report elsewhere with --out");
}

[[noreturn]] void refuse_content(const fs::path& file, const std::string& cause) {
  throw environment_error("read journal", file.string(), cause, "start anew without --resume");
}

std::string line_of(const ordered_json& object) {
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

ordered_json header_object(const journal_header& header) {
  const run_configuration& run = header.configuration;
  return {{"format", format_name},
          {"suite", run.suite},
          {"filter", run.filter},
          {"rounds", run.rounds},
          {"seed", run.seed},
          {"min_time_s", run.min_time_s},
          {"min_warmup_time_s", run.min_warmup_time_s},
          {"perf_counters", run.perf_counters},
          {"rows", header.rows},
          {"environment", header.environment},
          {"work_per_us", header.work_per_us},
          {"started", header.started},
          {"limits", header.limits}};
}

journal_header header_from(const ordered_json& object) {
  if (object.at("format") != format_name) throw std::invalid_argument("format");
  journal_header header;
  run_configuration& run = header.configuration;
  object.at("suite").get_to(run.suite);
  object.at("filter").get_to(run.filter);
  object.at("rounds").get_to(run.rounds);
  object.at("seed").get_to(run.seed);
  object.at("min_time_s").get_to(run.min_time_s);
  object.at("min_warmup_time_s").get_to(run.min_warmup_time_s);
  object.at("perf_counters").get_to(run.perf_counters);
  object.at("rows").get_to(header.rows);
  object.at("environment").get_to(header.environment);
  object.at("work_per_us").get_to(header.work_per_us);
  object.at("started").get_to(header.started);
  header.limits = object.at("limits");
  return header;
}

ordered_json entry_object(const journal_entry& entry) {
  ordered_json object = {{"row", entry.row}, {"round", entry.round}, {"took_s", entry.took_s}};
  object.update(to_json(entry.outcome));
  return object;
}

journal_entry entry_from(const ordered_json& object) {
  return {object.at("row").get<std::string>(), object.at("round").get<unsigned>(),
          object.at("took_s").get<double>(), outcome_from_json(object)};
}

unique_fd open_locked(const fs::path& file, int flags) {
  unique_fd fd(::open(file.c_str(), flags | O_CLOEXEC, 0666));
  if (!fd) refuse("open journal", file, errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    throw environment_error("open journal", file.string(), "another run is writing it",
                            "let it finish, or write the report elsewhere with --out");
  }
  return fd;
}

}  // namespace

std::optional<journal_extent> read_journal(const fs::path& file,
                                           const std::function<void(journal_entry&&)>& visit) {
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) refuse("read journal", file, errno);
  std::optional<journal_extent> extent;
  std::string line;
  for (unsigned number = 1; std::getline(stream, line); ++number) {
    if (stream.eof()) break;  // no newline: the end came in the middle of this line
    try {
      const ordered_json object = ordered_json::parse(line);
      if (!extent) {
        extent.emplace(header_from(object));
      } else {
        visit(entry_from(object));
      }
    } catch (const std::exception&) {
      refuse_content(file, number == 1 ? "it is not a journal of this version of waitwork"
                                       : "line " + std::to_string(number) + " is damaged");
    }
    extent->valid_bytes += line.size() + 1;
  }
  if (stream.bad()) refuse("read journal", file, EIO);
  return extent;
}

journal::journal(fs::path file, unique_fd fd, std::uint64_t bytes)
    : file_(std::move(file)), fd_(std::move(fd)), bytes_(bytes) {}

journal journal::begin(const fs::path& file, const journal_header& header) {
  journal made(file, open_locked(file, O_WRONLY | O_CREAT | O_EXCL | O_APPEND), 0);
  made.append_line(line_of(header_object(header)));
  // The name of a new file is on the device only when its directory is.
  const fs::path directory = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const unique_fd parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent) ::fsync(parent.get());
  return made;
}

journal journal::go_on(const fs::path& file, const journal_extent& extent) {
  journal opened(file, open_locked(file, O_WRONLY | O_APPEND), extent.valid_bytes);
  if (::ftruncate(opened.fd_.get(), static_cast<off_t>(extent.valid_bytes)) != 0) {
    refuse("open journal", file, errno);
  }
  return opened;
}

void journal::append(const journal_entry& entry) { append_line(line_of(entry_object(entry))); }

void journal::append_line(std::string line) {
  std::string_view rest = line;
  while (!rest.empty()) {
    // A short write is followed by one that says why: no room, or a limit on the size of files.
    const ssize_t written = ::write(fd_.get(), rest.data(), rest.size());
    if (written < 0) {
      const int error = errno;
      [[maybe_unused]] const int cut = ::ftruncate(fd_.get(), static_cast<off_t>(bytes_));
      refuse("write journal", file_, error);
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fdatasync(fd_.get()) != 0) {
    const int sync_error = errno;
    [[maybe_unused]] const int cut = ::ftruncate(fd_.get(), static_cast<off_t>(bytes_));
    refuse("write journal", file_, sync_error);
  }
  bytes_ += line.size();
}

fs::path set_journal_aside(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) return {};
  const unique_fd lock = open_locked(file, O_WRONLY);
  for (unsigned number = 1;; ++number) {
    fs::path aside = file;
    aside += "." + std::to_string(number);
    if (fs::exists(aside, error)) continue;
    fs::rename(file, aside, error);
    if (error) refuse("set aside journal", file, error.value());
    return aside;
  }
}

}  // namespace waitwork::bench
