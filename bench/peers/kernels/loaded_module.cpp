// SPDX-License-Identifier: Apache-2.0
#include <peers/kernels/loaded_module.hpp>

#include <dlfcn.h>

#include <waitwork/base/environment_error.hpp>

namespace waitwork::bench {

const void* load_module(const std::string& library, const std::string& path, const char* name) {
  const char* const remedy = "install it (scripts/packages peers) and configure and build again";
  if (path.empty()) {
    throw unsupported_error("load", library, "it was not there when the program was built", remedy);
  }
  void* const module = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) throw unsupported_error("load", library, ::dlerror(), remedy);
  const auto functions = reinterpret_cast<const void* (*)()>(::dlsym(module, name));
  if (functions == nullptr) throw unsupported_error("load", library, ::dlerror(), remedy);
  return functions();
}

}  // namespace waitwork::bench
