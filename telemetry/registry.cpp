#include "telemetry/registry.hpp"

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace lode::telemetry {

const bounds& request_bounds() {
  static const bounds all{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                          0.5,    1,     2.5,    5,     10,   30,    60,   120, 300};
  return all;
}

registry::registry() : metrics_(std::make_unique<prometheus::Registry>()) {}
registry::~registry() = default;

counter& registry::make_counter(const std::string& name, const std::string& help, const labels& with) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(*metrics_).Add(with);
}

gauge& registry::make_gauge(const std::string& name, const std::string& help, const labels& with) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*metrics_).Add(with);
}

histogram& registry::make_histogram(const std::string& name, const std::string& help, const bounds& upper,
                                    const labels& with) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(*metrics_).Add(with, upper);
}

std::string registry::text() const {
  for (const auto& update : updates_) update();
  return prometheus::TextSerializer{}.Serialize(metrics_->Collect());
}

}  // namespace lode::telemetry
