#pragma once
// Numbers in bins, 8 to each doubling, so that histograms and percentiles of any days can be added up. An integer below
// 16 has a bin of its own.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace collector {

/// 0 for zero; from 1 to 20,000, rising, for positive numbers; the same, negative, for negative ones.
using Bin = std::int64_t;

inline constexpr double eighths[8] = {0.5,
                                      0.54525386633262883,
                                      0.59460355750136053,
                                      0.64841977732550483,
                                      0.70710678118654752,
                                      0.77110541270397041,
                                      0.84089641525371454,
                                      0.91700404320467123};

inline Bin bin_of(double value) {
  if (value == 0 || std::isnan(value)) return 0;
  int exponent = 0;
  const double fraction = std::frexp(std::min(std::abs(value), 1.7976931348623157e308), &exponent);
  const auto part = std::upper_bound(std::begin(eighths), std::end(eighths), fraction) - std::begin(eighths) - 1;
  const Bin bin = (Bin{exponent} + 1100) * 8 + part + 1;
  return value < 0 ? -bin : bin;
}

/// Where the bin begins, on the side of zero.
inline double edge_of(Bin bin) {
  if (bin == 0) return 0;
  const Bin place = std::abs(bin) - 1;
  const double edge = std::ldexp(eighths[place % 8], static_cast<int>(place / 8 - 1100));
  return bin < 0 ? -edge : edge;
}
/// Where it ends, away from zero.
inline double far_edge_of(Bin bin) { return bin == 0 ? 0 : edge_of(bin < 0 ? bin - 1 : bin + 1); }

/// The number that stands for all of the bin: its only integer if `integers` and there is but one, else its middle (in
/// the bin's own, geometric sense).
inline double middle_of(Bin bin, bool integers) {
  if (bin == 0) return 0;
  const double near = std::abs(edge_of(bin)), far = std::abs(far_edge_of(bin)), sign = bin < 0 ? -1 : 1;
  const double first = std::ceil(near);
  if (integers && first < far && first + 1 >= far) return sign * first;
  const double middle = std::sqrt(near) * std::sqrt(far);
  return sign * (integers ? std::round(middle) : middle);
}

/// How many of each bin, by bin, none of them 0; and the same in a few bytes.
using Binned = std::vector<std::pair<Bin, std::int64_t>>;
std::string packed(const Binned&);
Binned unpacked_bins(std::string_view);
/// What both have together.
Binned added_up(const Binned&, const Binned&);

}  // namespace collector
