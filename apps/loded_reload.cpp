#include "apps/loded_reload.hpp"

#include "apps/loded_setup.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

namespace lode::loded {
namespace {

void refuse(std::string_view why) { spdlog::error("SIGHUP: nothing is changed: {}", why); }

// Lines of text as one.
std::string joined(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n', at)) text.replace(at, 1, "; ");
  return text;
}

}  // namespace

void reload(int argc, const char* const* argv, config::daemon_settings& running, http::edge& edge,
            const crypto::key_board& keys) {
  const auto parsed = config::parse_daemon(argc, argv, environ);
  if (const auto* text = std::get_if<config::print_and_exit>(&parsed)) return refuse(joined(text->text));
  const auto& fresh = std::get<config::run_with<config::daemon_settings>>(parsed).settings;

  auto next = config::with_live(running, fresh);
  // TLS cannot begin or end under connections that are open.
  if (tls_settings_from(fresh).enabled() != tls_settings_from(running).enabled()) next.tls = running.tls;
  if (const auto fit = check_exposure(next, !keys.read()->empty()); !fit) return refuse(fit.error().detail);
  auto live = live_settings_from(next);
  if (!live) return refuse(live.error().detail);
  // The last that may fail.
  if (const auto done = edge.reload_tls(tls_settings_from(next)); !done) return refuse(done.error().detail);
  edge.apply(std::move(*live));
  spdlog::set_level(spdlog::level::from_str(next.log.level));

  std::vector<std::string> names;
  for (const auto& c : config::changes(running, next)) names.push_back(c.name);
  spdlog::info("SIGHUP: settings were read again{}", names.empty() ? ", none of those that can change live is new"
                                                                   : fmt::format(": {}", fmt::join(names, ", ")));
  names.clear();
  for (const auto& c : config::changes(next, fresh)) names.push_back(c.name);
  if (!names.empty()) spdlog::warn("SIGHUP: changed, but only a restart takes it up: {}", fmt::join(names, ", "));
  running = std::move(next);
  warn_of_exposure(running, !keys.read()->empty());
}

}  // namespace lode::loded
