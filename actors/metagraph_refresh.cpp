#include "actors/metagraph_refresh.hpp"

#include "crypto/hotkey.hpp"
#include "messages/json.hpp"

#include <caf/all.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <set>
#include <sstream>
#include <sys/stat.h>

namespace lode::actors {
namespace {

constexpr std::size_t file_limit = 64 * 1024 * 1024;

/// Changes whenever the file is written or replaced; empty when it cannot be looked at.
std::string version_of(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return {};
  return fmt::format("{}.{}.{}.{}.{}", st.st_dev, st.st_ino, st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

}  // namespace

result<std::vector<miner_info>> read_miners_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return error{errc::config_invalid, "miners file " + path + " cannot be read"};
  std::string text;
  text.reserve(64 * 1024);
  for (char buffer[65536]; in.read(buffer, sizeof buffer) || in.gcount() > 0;) {
    text.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (text.size() > file_limit) return error{errc::config_invalid, "miners file " + path + " is larger than 64 MiB"};
  }
  auto miners = parse_miners_file(text);
  if (!miners) return error{errc::config_invalid, "miners file " + path + ": " + miners.error().detail};
  for (const auto& m : *miners)
    if (auto key = crypto::ss58_decode(m.hotkey); !key)
      return error{errc::config_invalid,
                   "miners file " + path + ": hotkey " + m.hotkey + " is not a valid address: " + key.error().detail};
  return miners;
}

void metagraph_refresh_state::publish() {
  metagraph_snapshot s;
  s.complete = file_read_;
  s.miners = from_file_;
  s.miners.insert(s.miners.end(), options_.simulated.begin(), options_.simulated.end());
  self_->send(options_.registry, std::move(s));
}

void metagraph_refresh_state::look() {
  const auto version = version_of(options_.file);
  if (version == seen_) return;
  seen_ = version;
  if (version.empty()) {
    spdlog::warn("miners file {} is gone; the last good version stays in use", options_.file);
    return;
  }
  auto miners = read_miners_file(options_.file);
  if (!miners) {
    spdlog::error("{}; the last good version stays in use", miners.error().detail);
    return;
  }
  from_file_ = std::move(*miners);
  file_read_ = true;
  spdlog::info("miners file {}: {} miners", options_.file, from_file_.size());
  publish();
}

job_actor::behavior_type metagraph_refresh_state::behavior(metagraph_options options) {
  options_ = std::move(options);
  if (options_.file.empty()) {
    publish();
  } else {
    look();
    if (!file_read_) publish();
    self_->delayed_send(caf::actor_cast<job_actor>(self_), options_.look_every, tick{});
  }
  return {[this](const tick&) {
    since_refresh_ += options_.look_every;
    if (since_refresh_ >= options_.refresh_every) {
      since_refresh_ = std::chrono::milliseconds{0};
      seen_.clear();
    }
    look();
    self_->delayed_send(caf::actor_cast<job_actor>(self_), options_.look_every, tick{});
  }};
}

job_actor::behavior_type metagraph_refresh(job_actor::stateful_pointer<metagraph_refresh_state> self,
                                           metagraph_options options) {
  return self->state.behavior(std::move(options));
}

}  // namespace lode::actors
