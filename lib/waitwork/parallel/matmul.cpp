#include <waitwork/parallel/matmul.hpp>

#include <waitwork/parallel/split.hpp>

namespace waitwork {
namespace {

template <class T>
void multiply(arena& workers, const kernels::matmul_shape& shape, std::span<const T> a, std::span<const T> b,
              std::span<T> c, std::span<T> scratch) {
  const std::size_t each = kernels::matmul_scratch<T>(shape);
  split(workers, shape.m, 48, [&](const part& rows) {
    kernels::matmul_shape band = shape;
    band.m = rows.end - rows.begin;
    kernels::matmul(band, a.subspan(rows.begin * shape.a_stride), b, c.subspan(rows.begin * shape.c_stride),
                    scratch.subspan(rows.worker * each, each));
  });
}

}  // namespace

template <class T>
std::size_t parallel_matmul_scratch(const kernels::matmul_shape& shape, const arena& workers) noexcept {
  return workers.workers() * kernels::matmul_scratch<T>(shape);
}
template std::size_t parallel_matmul_scratch<float>(const kernels::matmul_shape& shape, const arena& workers) noexcept;
template std::size_t parallel_matmul_scratch<double>(const kernels::matmul_shape& shape, const arena& workers) noexcept;

void parallel_matmul(arena& workers, const kernels::matmul_shape& shape, std::span<const float> a,
                     std::span<const float> b, std::span<float> c, std::span<float> scratch) {
  multiply(workers, shape, a, b, c, scratch);
}

void parallel_matmul(arena& workers, const kernels::matmul_shape& shape, std::span<const double> a,
                     std::span<const double> b, std::span<double> c, std::span<double> scratch) {
  multiply(workers, shape, a, b, c, scratch);
}

}  // namespace waitwork
