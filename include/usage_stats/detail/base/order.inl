#pragma once
// One sort for all types: std::sort adds 2 to 5 KB to a program for each type that it sorts.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// The indices of `count` items in sorted order; equal items keep their order.
USAGE_STATS_INLINE std::vector<std::size_t> order_of(std::size_t count,
                                                     const std::function<bool(std::size_t, std::size_t)>& before) {
  std::vector<std::size_t> order(count);
  for (std::size_t i = 0; i < count; ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return before(a, b) || (a < b && !before(b, a)); });
  return order;
}

/// A stable sort. `before` must not throw.
template <class T, class Before>
void sort_stably(std::vector<T>& items, const Before& before) {
  std::vector<T> sorted;
  sorted.reserve(items.size());
  const auto by_number = [&](std::size_t a, std::size_t b) noexcept { return before(items[a], items[b]); };
  for (const std::size_t i : order_of(items.size(), by_number)) sorted.push_back(std::move(items[i]));
  items.swap(sorted);
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
