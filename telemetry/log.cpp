#include "telemetry/log.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cstdio>
#include <mutex>

namespace lode::telemetry {
namespace {

// Comes behind the sink that writes, whose stream remembers that a write failed.
class counting_sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit counting_sink(registry_ptr into)
      : into_(std::move(into)),
        lost_(into_->make_counter("lode_log_lost_total", "Log records that could not be written.")) {
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      const auto name = spdlog::level::to_string_view(static_cast<spdlog::level::level_enum>(i));
      levels_[i] = &into_->make_counter("lode_log_records_total", "Log records by level.",
                                        {{"level", std::string{name.data(), name.size()}}});
    }
  }

 private:
  void sink_it_(const spdlog::details::log_msg& m) override {
    if (m.level < spdlog::level::off) levels_[m.level]->Increment();
    if (std::ferror(stderr) == 0) return;
    std::clearerr(stderr);
    lost_.Increment();
  }
  void flush_() override {}

  registry_ptr into_;
  counter& lost_;
  std::array<counter*, spdlog::level::off> levels_{};
};

}  // namespace

void watch_log(const registry_ptr& into) {
  spdlog::default_logger()->sinks().push_back(std::make_shared<counting_sink>(into));
}

}  // namespace lode::telemetry
