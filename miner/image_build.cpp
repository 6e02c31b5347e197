// The renter's appendix to the image: run in a container without a network, then commit. Never the engine's own build,
// which on Podman runs in the host's network and outlives its client.

#include "miner/container.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace lode::miner {

using namespace std::chrono_literals;

namespace {

std::string as_json(const std::vector<std::string>& list) {
  boost::json::array out;
  for (const auto& s : list) out.emplace_back(s);
  return boost::json::serialize(out);
}

}  // namespace

task<result<std::string>> container_maker::build_image(const rental_plan& plan, event& cancel) {
  auto base = co_await engine_.inspect_image(plan.image);
  if (base.has_error()) co_return base.error();
  const auto spec = build_spec(options_, plan);
  auto id = co_await create_fresh(spec);
  if (id.has_error()) co_return id.error();
  spdlog::info("allocation {}: running the renter's script in {}", plan.allocation.substr(0, 12), id->substr(0, 12));

  auto ran = co_await run_script(plan, *id, cancel);
  const std::string repo = "localhost/lode-rental";
  const std::string tag = plan.allocation.substr(0, 32);
  if (ran) {
    // The script's container had another entry point, and the new image would inherit it.
    std::vector<std::string> changes;
    changes.push_back("ENTRYPOINT " + as_json(base->entrypoint));
    changes.push_back("CMD " + as_json(base->command));
    ran = co_await engine_.commit(*id, repo, tag, std::move(changes));
  }
  auto gone = co_await remove_until_gone(*id);
  if (ran.has_error()) co_return ran.error();
  if (gone.has_error()) co_return gone.error();
  co_return repo + ":" + tag;
}

task<result<void>> container_maker::run_script(const rental_plan& plan, std::string id, event& cancel) {
  if (auto started = co_await engine_.start(id); started.has_error()) co_return started.error();
  const auto began = std::chrono::steady_clock::now();
  auto told = began;
  auto pause = 50ms;
  while (true) {
    auto state = co_await engine_.inspect(id, true);
    if (state.has_error() && state.error() != errc::deadline_exceeded) co_return state.error();
    const bool ended = state && (state->status == container_status::exited || state->status == container_status::dead);
    if (state && state->written_bytes.value_or(0) > options_.build_bytes) {
      co_return error{errc::bad_request, fmt::format("dockerfile wrote more than {} bytes", options_.build_bytes)};
    }
    if (ended && state->exit_code != 0) {
      co_return error{errc::bad_request, fmt::format("dockerfile ended with code {}", state->exit_code)};
    }
    if (ended) co_return result<void>{};
    const auto now = std::chrono::steady_clock::now();
    if (now - began > options_.build_timeout) {
      co_return error{errc::bad_request,
                      fmt::format("dockerfile took longer than {} s", options_.build_timeout.count() / 1000)};
    }
    if (now - told > 10s) {
      told = now;
      spdlog::info("allocation {}: the renter's script still runs", plan.allocation.substr(0, 12));
    }
    pause = std::min(pause * 2, std::chrono::milliseconds{1000});
    co_await cancel.wait_for(pause);
    if (cancel.is_set()) co_return error{errc::shutting_down, "cancelled"};
  }
}

}  // namespace lode::miner
