#pragma once
// What a cluster (cluster/forwarder.hpp) has not been told yet. Runs need no entry: those after meta.forwarded_through
// wait. All else is written by triggers while a cluster is wanted, so that every process that changes the database
// takes part. Forwarding is for one process at a time; its changes are a Store's.

#include <optional>
#include <string>
#include <vector>

#include "../base/day.hpp"
#include "store.hpp"

namespace collector {

/// From now on there is a cluster, and it knows nothing of this database. Takes no longer for a large one.
void start_forwarding(Database&);
/// There is none any more, and nothing waits for it.
void stop_forwarding(Database&);
bool is_forwarding(Database&);

/// The last run that the cluster has; of a database without one, the last that there can be.
Id forwarded(Database&);
/// How many runs wait.
std::int64_t unforwarded(Database&);
/// Whether the cluster is still being told of installations that were here before it: their days must not go yet.
bool tells_of_installations(Database&);
/// All runs are to be forwarded again, as their facts are new.
void forward_again(Database&);
/// For Store::forget: what is to go, and each run that goes here. The cluster may have what it has replaced.
void put_forgotten(Database&, const std::string& app, const std::optional<std::string>& version,
                   std::optional<Day> day);
void put_gone(Database&, Id run);

/// A piece of what waits, as it is now: what is to be removed comes first, so that it cannot hit what is added.
struct Outgoing {
  struct Run {
    std::string session, client_hash;  // bytes; no hash: there was no id
    std::int64_t sequence;
    Day day;
    Id leaf;
    std::vector<CountedFact> facts;
  };
  struct Presence {
    std::string client_hash;
    Day day;
    Id leaf;
  };
  struct Witness {
    Id term;
    std::int64_t key;  // the first eight bytes of the hash
  };
  struct Forgotten {
    std::string app;
    std::optional<std::string> version;
    std::optional<Day> day;
  };
  struct Before {  // of what was here before the cluster: through which key, 0 if no more was found
    const char* name;
    Id from, through;
  };
  std::vector<std::string> removed;  // SHA-256 of clients
  std::vector<Forgotten> forgotten;
  std::vector<std::string> gone;  // sessions
  std::vector<Presence> presences;
  std::vector<Witness> witnesses;
  std::vector<Run> runs;
  std::vector<Before> before;
  Id entries_through = 0, removals_through = 0, runs_from = 0, runs_through = 0;
  bool more = false;

  bool empty() const { return entries_through == 0 && removals_through == 0 && runs.empty() && before.empty(); }
};
/// `most` runs at most. In a transaction, so that all of it is of the same moment.
Outgoing take_outgoing(Database&, int most);
/// The cluster has it.
void mark_forwarded(Database&, const Outgoing&);

/// What a term or a leaf of the database says.
struct Named {
  std::string app, name, value;
  Metric metric;
};
Named term_of(Database&, Id term);
struct NamedLeaf {
  std::string app, version, os, command;
  bool ci;
};
NamedLeaf leaf_of(Database&, Id slice);

}  // namespace collector
