# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, a header that defines WAITWORK_GIT_REVISION as the commit of SOURCE_DIR, with
# "-dirty" if tracked files differ from it, or as "" outside a repository. Run at every build,
# because a revision noted at configure time is soon a wrong one; the header is touched only when
# its content changes, so that nothing is compiled in vain.
execute_process(
  COMMAND git --no-optional-locks -C "${SOURCE_DIR}"
          describe --always --dirty --abbrev=12 --exclude=*
  OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(revision "")
endif()
set(content "#pragma once\n#define WAITWORK_GIT_REVISION \"${revision}\"\n")
set(written "")
if(EXISTS "${OUTPUT}")
  file(READ "${OUTPUT}" written)
endif()
if(NOT written STREQUAL content)
  file(WRITE "${OUTPUT}" "${content}")
endif()
