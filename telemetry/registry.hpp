#pragma once
// The metrics of one process, in Prometheus' terms. Whoever counts something makes its counter, gauge or histogram
// once, keeps the reference and changes it with one atomic operation; nothing is looked up or computed later.
//
// Labels take few, fixed values: never a hotkey, a UUID, a path as sent or anything else a client chooses.

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace prometheus {
class Registry;
}

namespace lode::telemetry {

using counter = prometheus::Counter;      ///< only grows: Increment(); its name ends in _total
using gauge = prometheus::Gauge;          ///< goes both ways: Set(), Increment(), Decrement()
using histogram = prometheus::Histogram;  ///< Observe(), in the unit of its name
using labels = prometheus::Labels;
using bounds = prometheus::Histogram::BucketBoundaries;

/// Bounds in seconds, from half a millisecond to the five minutes of a request's deadline.
const bounds& request_bounds();

class registry {
 public:
  registry();
  ~registry();
  registry(const registry&) = delete;
  registry& operator=(const registry&) = delete;

  /// The metric of that name with these labels, made when there is none yet (at 0, so that its first increment shows).
  /// Valid as long as the registry. One name has one help and one kind; the help is one line. Any thread.
  counter& make_counter(const std::string& name, const std::string& help, const labels& with = {});
  gauge& make_gauge(const std::string& name, const std::string& help, const labels& with = {});
  histogram& make_histogram(const std::string& name, const std::string& help, const bounds& upper,
                            const labels& with = {});

  /// Gives `update` the word before each text(): for values that something else counts already. It runs on the thread
  /// that calls text() and must not block. Add them before the first text(), from one thread.
  void before_text(std::function<void()> update) { updates_.push_back(std::move(update)); }

  /// Everything in Prometheus' text format 0.0.4. One thread at a time.
  [[nodiscard]] std::string text() const;
  static constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";

 private:
  std::unique_ptr<prometheus::Registry> metrics_;
  std::vector<std::function<void()>> updates_;
};
using registry_ptr = std::shared_ptr<registry>;

/// Counts its owner in one of several gauges: moving on takes it out of the former, and so does its end. So a gauge of
/// "how many are in this state" is exact whatever ends its owner.
class member {
 public:
  member() = default;
  ~member() { move_to(nullptr); }
  member(member&& other) noexcept : in_(std::exchange(other.in_, nullptr)) {}
  member& operator=(member&& other) noexcept {
    if (this != &other) {
      move_to(nullptr);
      in_ = std::exchange(other.in_, nullptr);
    }
    return *this;
  }
  member(const member&) = delete;
  member& operator=(const member&) = delete;

  void move_to(gauge* in) {
    if (in == in_) return;
    if (in_) in_->Decrement();
    if (in) in->Increment();
    in_ = in;
  }
  void set(gauge& in, bool counted) { move_to(counted ? &in : nullptr); }

 private:
  gauge* in_ = nullptr;
};

}  // namespace lode::telemetry
