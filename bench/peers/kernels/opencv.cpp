#include <peers/kernels/opencv.hpp>

#include <dlfcn.h>

#include <array>

#include <waitwork/base/environment_error.hpp>

namespace waitwork::bench {
namespace {

const waitwork_opencv_functions& library() {
  static const waitwork_opencv_functions& loaded = []() -> const waitwork_opencv_functions& {
    const char* const remedy = "install it (scripts/packages peers) and configure and build again";
    if (std::string(WAITWORK_OPENCV_MODULE).empty()) {
      throw unsupported_error("load", "OpenCV", "it was not there when the program was built", remedy);
    }
    void* const module = ::dlopen(WAITWORK_OPENCV_MODULE, RTLD_NOW | RTLD_LOCAL);
    if (module == nullptr) throw unsupported_error("load", "OpenCV", ::dlerror(), remedy);
    const auto functions =
        reinterpret_cast<const waitwork_opencv_functions* (*)()>(::dlsym(module, "waitwork_opencv"));
    if (functions == nullptr) throw unsupported_error("load", "OpenCV", ::dlerror(), remedy);
    return *functions();
  }();
  return loaded;
}

}  // namespace

const waitwork_opencv_functions& load_opencv(unsigned threads) {
  library().set_threads(static_cast<int>(threads));
  return library();
}

std::string opencv_description() {
  std::array<char, 256> text{};
  library().describe(text.data(), text.size());
  return text.data();
}

}  // namespace waitwork::bench
