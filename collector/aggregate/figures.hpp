#pragma once
// The figures, one function a chart: each asks a source and answers with a small table. Runs under CI are out unless
// the selection says otherwise. "start" is the first day of the selection's step, as text; steps without runs are
// there, with zeros. Numbers come out of bins of 9 % width and have three digits at most.

#include <string>
#include <vector>

#include "source.hpp"
#include "table.hpp"

namespace collector {

/// program, runs (of all time, CI too), first_day, last_day.
Table programs(Source&);

/// start, installations: distinct in each day, week or month (the period, not the selection's step).
Table active(const Reader&, Period);
/// start, runs.
Table runs(const Reader&);
/// value, n, share: the commonest first, `most` of them and "(others)". metric: version, os, arch, os_version, command,
/// status, signal without a name; text, boolean with one.
Table totals(const Reader&, Metric, const std::string& name = {}, std::size_t most = 50);
/// start, value, n: the same over time, for stacked shares.
Table shares(const Reader&, Metric, const std::string& name = {}, std::size_t most = 8);
/// option, runs, share: of runs.
Table options(const Reader&, std::size_t most = 50);

/// version, runs, ok, failed, exception, signal, lost, running: the newest version first.
Table endings(const Reader&, std::size_t most = 20);
/// type, message, runs, share, first_version, new: the commonest first. "new": 1 if the selected version, or else the
/// newest that has runs, is the first that ever had it.
Table errors(const Reader&, std::size_t most = 50);

/// start, p50, p90, p99, runs: seconds.
Table durations(const Reader&);
/// from, to, n: of duration (no name), integer, number, counter, stage_duration.
Table histogram(const Reader&, Metric, const std::string& name = {});
/// n, p50, p90, p95, p99.
Table percentiles(const Reader&, Metric, const std::string& name = {});

/// The names of which the selection has any: fields of a metric, counters, stages, events.
std::vector<std::string> names(const Reader&, Metric);
/// counter, runs, share, sum, p50, p95. The sum is a float where it is beyond 64 bits.
Table counters(const Reader&);
/// stage, runs, share, times, failed, failure_rate, p50, p90, p99: in the order in which they usually begin.
Table stages(const Reader&);
/// event, runs, share, times.
Table events(const Reader&);
/// from, to, runs: when in the run it first happened, in percent of its duration.
Table moments(const Reader&, const std::string& event);
/// distinct: about how many values a hashed field has had (linear counting; exact for a few, 3 % off at a thousand,
/// nothing meaningful beyond 30,000), and n, how many times it was recorded.
Table distinct(const Reader&, const std::string& field);

}  // namespace collector
