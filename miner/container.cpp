#include "miner/container.hpp"

#include "crypto/crypto.hpp"
#include "miner/banner.hpp"
#include "miner/ssh_access.hpp"
#include "miner/tar.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace lode::miner {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

namespace {

constexpr auto remember_taken_port = 10min;
constexpr int ports_per_register = 8;
constexpr int removal_tries = 20;
constexpr auto probe_pause = 100ms;
constexpr auto inspect_pause = 2s;
constexpr const char* host_key_path = "/etc/ssh/ssh_host_ed25519_key.pub";  // put there by access_files()

error cancelled() { return {errc::shutting_down, "cancelled"}; }

std::string short_id(const std::string& allocation) { return allocation.substr(0, 12); }

}  // namespace

container_maker::container_maker(boost::asio::io_context& io, engine& e, const rental_options& options,
                                 banner_probe probe)
    : io_(io), engine_(e), options_(options), probe_(std::move(probe)) {}

// The ports of the range, those that were taken a moment ago last.
std::vector<std::uint16_t> container_maker::ports_to_try() {
  const auto now = clock::now();
  std::erase_if(taken_, [now](const auto& entry) { return now - entry.second > remember_taken_port; });
  std::vector<std::uint16_t> fresh;
  for (std::uint32_t p = options_.port_first; p <= options_.port_last && fresh.size() < ports_per_register; ++p) {
    const auto port = static_cast<std::uint16_t>(p);
    if (taken_.contains(port)) continue;
    if (port_looks_free(options_.publish_ip, port)) {
      fresh.push_back(port);
    } else {
      taken_.emplace(port, now);
    }
  }
  return fresh;
}

task<result<rental>> container_maker::make(const rental_plan& asked, std::string password, event& cancel) {
  rental_plan plan = asked;
  const auto name = short_id(plan.allocation);
  if (!plan.script.empty()) {
    auto image = co_await build_image(plan, cancel);
    if (image.has_error()) co_return image.error();
    plan.image = *image;
  }
  const auto ports = ports_to_try();
  if (ports.empty()) co_return error{errc::busy, "every port of the range is taken"};
  for (const auto port : ports) {
    if (cancel.is_set()) co_return cancelled();
    const auto spec = rental_spec(options_, plan, port);
    auto id = co_await create_fresh(spec);
    if (id.has_error()) co_return id.error();
    spdlog::info("allocation {}: container {} created, port {}", name, id->substr(0, 12), port);
    auto host_key = co_await put_access(*id, plan, password);
    if (host_key.has_error()) co_return host_key.error();
    if (cancel.is_set()) co_return cancelled();

    auto started = co_await engine_.start(*id);
    if (started.has_error() && started.error() == errc::busy) {
      spdlog::info("allocation {}: port {} is taken, trying the next", name, port);
      taken_[port] = clock::now();
      if (auto gone = co_await remove_until_gone(*id); gone.has_error()) co_return gone.error();
      continue;
    }
    if (started.has_error()) co_return started.error();
    spdlog::info("allocation {}: started, waiting for SSH", name);
    if (auto ready = co_await wait_until_ready(*id, port, cancel); ready.has_error()) co_return ready.error();
    spdlog::info("allocation {}: SSH answers on port {}", name, port);
    rental out;
    out.container_id = *id;
    out.port = port;
    out.host_key = std::move(*host_key);
    co_return out;
  }
  co_return error{errc::busy, "no free port was found in the range"};
}

// A container of the same name that is in the way is a leftover of an earlier try for this same allocation.
task<result<std::string>> container_maker::create_fresh(const container_spec& spec) {
  auto id = co_await engine_.create(spec);
  if (id || id.error() != errc::conflict) co_return id;
  auto other = co_await engine_.inspect(spec.name, false);
  if (other.has_error() && other.error() != errc::not_found) co_return other.error();
  if (other) {
    const auto owner = other->labels.find(label_owner);
    if (owner == other->labels.end() || owner->second != options_.owner) {
      co_return error{errc::conflict, "a container that is not ours has the name " + spec.name};
    }
    if (auto gone = co_await remove_until_gone(other->id); gone.has_error()) co_return gone.error();
  }
  co_return co_await engine_.create(spec);
}

// The content of one regular file.
task<result<std::string>> container_maker::read_file(std::string id, std::string path) {
  auto archive = co_await engine_.download(std::move(id), path);
  if (archive.has_error()) co_return archive.error();
  auto files = read_tar(*archive);
  crypto::wipe(*archive);
  if (files.has_error()) co_return files.error();
  const auto file = std::find_if(files->begin(), files->end(), [](const tar_entry& e) { return !e.is_folder(); });
  if (file == files->end()) co_return error{errc::engine_failed, path + " is not a file"};
  co_return std::move(file->content);
}

// Returns the line of the host key.
task<result<std::string>> container_maker::put_access(std::string id, const rental_plan& plan,
                                                      const std::string& password) {
  auto shadow = co_await read_file(id, "/etc/shadow");
  if (shadow.has_error()) {
    co_return error{errc::engine_failed, "the image has no readable /etc/shadow: " + shadow.error().detail};
  }
  auto with_password = with_root_password(*shadow, password);
  if (with_password.has_error()) co_return with_password.error();
  auto host = make_host_key();
  if (host.has_error()) co_return host.error();
  auto entries = access_files(*host, std::move(*with_password), plan.user_key, "");
  crypto::wipe(host->private_file);
  auto put = co_await put_and_verify(std::move(id), std::move(entries));
  if (put.has_error()) co_return put.error();
  co_return std::move(host->public_line);
}

task<result<bool>> container_maker::sees(std::string id, std::string host_key) {
  if (host_key.empty()) co_return false;
  auto there = co_await read_file(std::move(id), host_key_path);
  if (there.has_error() && there.error() == errc::not_found) co_return false;
  if (there.has_error()) co_return there.error();
  co_return *there == host_key;
}

task<result<void>> container_maker::put_keys(std::string id, const std::string& user_key,
                                             const std::string& terminal_key) {
  return put_and_verify(std::move(id), key_files(user_key, terminal_key));
}

// Podman answers 200 to uploads that it cut short or did not understand, so each file is looked at afterwards.
task<result<void>> container_maker::put_and_verify(std::string id, std::vector<tar_entry> files) {
  auto tar = write_tar(files);
  if (tar.has_error()) co_return tar.error();
  if (auto up = co_await engine_.upload(id, std::move(*tar)); up.has_error()) co_return up.error();
  for (const auto& f : files) {
    if (f.is_folder()) continue;
    auto there = co_await read_file(id, "/" + f.path);
    if (there.has_error())
      co_return error{errc::engine_failed, fmt::format("after upload, {}: {}", f.path, there.error().detail)};
    const bool same = *there == f.content;
    crypto::wipe(*there);
    if (!same) co_return error{errc::engine_failed, fmt::format("after upload, {} is not what was uploaded", f.path)};
  }
  co_return result<void>{};
}

task<result<void>> container_maker::wait_until_ready(std::string id, std::uint16_t port, event& cancel) {
  const std::string ip = options_.publish_ip == "0.0.0.0" ? "127.0.0.1"
                         : options_.publish_ip == "::"    ? "::1"
                                                          : options_.publish_ip;
  const auto began = clock::now();
  auto looked = began;
  auto told = began;
  while (!cancel.is_set()) {
    const auto now = clock::now();
    const auto left = options_.banner_timeout - std::chrono::duration_cast<std::chrono::milliseconds>(now - began);
    if (left <= 0ms) {
      co_return error{errc::deadline_exceeded,
                      fmt::format("SSH did not answer within {} s", options_.banner_timeout.count() / 1000)};
    }
    const auto patience = std::min<std::chrono::milliseconds>(left, 3s);
    const bool answers = co_await probe_(ip, port, patience);
    if (answers) co_return result<void>{};
    if (now - looked > inspect_pause) {
      looked = now;
      auto state = co_await engine_.inspect(id, false);
      if (state.has_error() && state.error() == errc::not_found) co_return state.error();
      if (state && (state->status == container_status::exited || state->status == container_status::dead)) {
        co_return error{errc::engine_failed, fmt::format("the container ended with code {}", state->exit_code)};
      }
    }
    if (now - began > options_.usual_start && now - told > 10s) {
      told = now;
      spdlog::warn("container {}: runs, but SSH has not answered for {} s", id.substr(0, 12),
                   std::chrono::duration_cast<std::chrono::seconds>(now - began).count());
    }
    const std::chrono::milliseconds pause = probe_pause;
    co_await cancel.wait_for(pause);
  }
  co_return cancelled();
}

task<result<void>> container_maker::remove_until_gone(std::string id) {
  event never{io_};
  error last{errc::engine_failed, "still there"};
  for (int i = 0; i < removal_tries; ++i) {
    auto removed = co_await engine_.remove(id);
    if (removed.has_error()) {
      if (removed.error() == errc::not_found) co_return result<void>{};
      last = removed.error();
      // An engine that is away will not come back within these tries; who asks will ask again.
      if (last == errc::engine_unreachable && i >= 2) break;
    }
    const auto pause = std::min<std::chrono::milliseconds>(100ms * i, 1000ms);
    if (i > 0) co_await never.wait_for(pause);
  }
  co_return error{last.code, "remove: " + last.detail};
}

task<result<void>> container_maker::remove_all(std::string allocation) {
  auto containers = co_await engine_.list(label_allocation, allocation);
  if (containers.has_error()) co_return containers.error();
  for (const auto& c : *containers) {
    const auto owner = c.labels.find(label_owner);
    if (owner == c.labels.end() || owner->second != options_.owner) continue;
    if (auto gone = co_await remove_until_gone(c.id); gone.has_error()) co_return gone.error();
    spdlog::info("allocation {}: container {} removed", short_id(allocation), c.id.substr(0, 12));
  }
  auto images = co_await engine_.list_images(label_allocation, allocation);
  if (images.has_error()) co_return images.error();
  for (const auto& image : *images) {
    auto removed = co_await engine_.remove_image(image.tags.empty() ? image.id : image.tags.front());
    // A leftover image holds nobody's access and no port: the slot need not wait for it, reconcile tries again.
    if (removed.has_error() && removed.error() != errc::not_found) {
      spdlog::warn("allocation {}: image {} not removed: {}", short_id(allocation), image.id, removed.error().detail);
    }
  }
  co_return result<void>{};
}

}  // namespace lode::miner
