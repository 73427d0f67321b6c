// SPDX-License-Identifier: Apache-2.0
#include <waitwork/report/atomic_write.hpp>

#include <cerrno>

#include <waitwork/base/open_file.hpp>
#include <waitwork/base/refusal.hpp>
#include <waitwork/report/destination.hpp>
#include <waitwork/report/in_place.hpp>
#include <waitwork/report/temporary_file.hpp>

namespace waitwork {

void write_file_atomically(const std::filesystem::path& file, std::string_view content,
                           const std::function<bool()>& give_up) {
  const destination target = resolve_destination(file);
  if (target.in_place) return write_in_place(target, content, give_up);
  temporary_file temporary(target);
  if (!write_whole(temporary.fd(), content)) throw file_error("write", target.given.string(), errno);
  temporary.take_final_name();
}

void check_writable(const std::filesystem::path& file) {
  const destination target = resolve_destination(file);
  if (target.in_place) return check_in_place(target);
  remove_stale_temporaries(target);
  const temporary_file trial(target);
}

bool written_in_place(const std::filesystem::path& file) { return resolve_destination(file).in_place; }

}  // namespace waitwork
