// Facts and bins in a few bytes, and back.
#include "bins.hpp"
#include "cells.hpp"
#include "varint.hpp"

namespace collector {

using namespace varint;

std::string packed(const Binned& bins) {
  std::string bytes;
  Bin before = 0;
  for (const auto& [bin, n] : bins) {
    append(bytes, zigzag(bin - before));
    append(bytes, zigzag(n));
    before = bin;
  }
  return bytes;
}

Binned unpacked_bins(std::string_view bytes) {
  Binned bins;
  for (Bin before = 0; !bytes.empty(); before = bins.back().first) {
    const Bin bin = before + unzigzag(take(bytes));
    bins.emplace_back(bin, unzigzag(take(bytes)));
  }
  return bins;
}

Binned added_up(const Binned& a, const Binned& b) {
  Binned sum;
  sum.reserve(a.size() + b.size());
  auto i = a.begin(), j = b.begin();
  while (i != a.end() || j != b.end()) {
    std::pair<Bin, std::int64_t> next;
    if (j == b.end() || (i != a.end() && i->first < j->first))
      next = *i++;
    else if (i == a.end() || j->first < i->first)
      next = *j++;
    else
      next = {i->first, i->second + j->second}, ++i, ++j;
    if (next.second != 0) sum.push_back(next);
  }
  return sum;
}

std::string packed(const std::vector<CountedFact>& facts) {
  std::string bytes;
  for (const CountedFact& fact : facts) {
    append(bytes, static_cast<std::uint64_t>(fact.series));
    append(bytes, zigzag(fact.bin));
    append(bytes, zigzag(fact.n));
  }
  return bytes;
}

std::vector<CountedFact> unpacked(std::string_view bytes) {
  std::vector<CountedFact> facts;
  while (!bytes.empty()) {
    CountedFact fact{};
    fact.series = static_cast<Id>(take(bytes));
    fact.bin = unzigzag(take(bytes));
    fact.n = unzigzag(take(bytes));
    facts.push_back(fact);
  }
  return facts;
}

}  // namespace collector
