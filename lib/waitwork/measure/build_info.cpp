// SPDX-License-Identifier: Apache-2.0
#include <waitwork/measure/build_info.hpp>

#include <gnu/libc-version.h>

#include <algorithm>
#include <string_view>

#include "build_values.hpp"
#include "git_revision.hpp"

namespace waitwork {
namespace {

std::string compiler_name() {
#if defined(__clang__)
  return "clang++ " + std::to_string(__clang_major__) + '.' + std::to_string(__clang_minor__) + '.' +
         std::to_string(__clang_patchlevel__);
#else
  return "g++ " + std::to_string(__GNUC__) + '.' + std::to_string(__GNUC_MINOR__) + '.' +
         std::to_string(__GNUC_PATCHLEVEL__);
#endif
}

// "name=version;name=version"; entries without a version are left out.
std::map<std::string, std::string> parse_libraries(std::string_view list) {
  std::map<std::string, std::string> libraries;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(';'), list.size());
    const std::string_view entry = list.substr(0, end);
    const std::size_t equals = entry.find('=');
    if (equals != std::string_view::npos && equals + 1 < entry.size()) {
      libraries.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return libraries;
}

}  // namespace

build_info read_build_info() {
  build_info info;
  info.version = WAITWORK_VERSION;
  info.compiler = compiler_name();
  info.build_type = WAITWORK_BUILD_TYPE;
  info.flags = WAITWORK_BUILD_FLAGS;
  if (const std::string revision = WAITWORK_GIT_REVISION; !revision.empty()) info.git = revision;
  info.libraries = parse_libraries(WAITWORK_LIBRARIES);
  info.libraries["glibc"] = ::gnu_get_libc_version();
#ifdef NDEBUG
  info.optimized = true;
#endif
  return info;
}

}  // namespace waitwork
