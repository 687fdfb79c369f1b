#include "forwarder.hpp"

#include <utility>

namespace collector {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds block_every{5}, deletions_every{60}, told_every{60};

}  // namespace

Forwarder::Forwarder(Committer& committer, Settings settings)
    : committer_(committer), settings_(std::move(settings)), thread_([this] { work(); }) {}

Forwarder::~Forwarder() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    ending_ = true;
  }
  ends_.notify_all();
  thread_.join();
}

void Forwarder::work() {
  std::optional<Courier> courier;
  for (;;) {
    try {
      pass(courier);
    } catch (const std::exception& error) {
      if (error.what() != told_ || steady_clock::now() - told_at_ > told_every)
        settings_.tell(std::string("reports wait here: ") + error.what());
      told_ = error.what();
      told_at_ = steady_clock::now();
      courier.reset();
    }
    std::unique_lock<std::mutex> lock(mutex_);
    // A full block does not wait for the time: pass() has looped until less was left.
    if (ends_.wait_for(lock, block_every, [this] { return ending_; })) return;
  }
}

void Forwarder::pass(std::optional<Courier>& courier) {
  if (!courier) {
    courier.emplace(settings_.file, settings_.url,
                    [this](const std::function<void(Store&)>& change) { return committer_.perform(change); });
    courier->begin();
  }
  for (bool more = true; more;) {  // a long backlog keeps no deletion waiting
    if (steady_clock::now() - asked_at_ >= deletions_every || asked_at_ == steady_clock::time_point()) {
      courier->take_deletions();
      asked_at_ = steady_clock::now();
    }
    more = courier->forward();
    const std::lock_guard<std::mutex> guard(mutex_);
    if (ending_) return;
  }
  if (night_of_ != today() && !courier->is_forgetting()) night(*courier);
  told_.clear();
}

void Forwarder::night(Courier& courier) {
  if (const std::int64_t days = courier.retire(today() - settings_.keep_days, false); days > 0)
    settings_.tell(
        "in the cluster, runs of " + std::to_string(days) + " days are older than " +
        std::to_string(settings_.keep_days) +
        " days; that is more than one night's worth, so the clock may be wrong and nothing was removed. If it "
        "is right: usage-stats-collector expire --yes --clickhouse URL");
  night_of_ = today();
}

}  // namespace collector
