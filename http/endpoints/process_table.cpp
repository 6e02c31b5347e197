// The process itself: its health, its description, its events.
#include "http/endpoint.hpp"

#include <array>

namespace lode::http {
namespace {

constexpr std::array ready_replies{reply_row{200, "ready"}, reply_row{503, "not ready"}};
constexpr std::array alive_replies{reply_row{200, "alive"}};

// Prometheus' text format, not an envelope.
constexpr std::array metrics_replies{reply_row{200, ""}};
constexpr std::array root_replies{reply_row{200, ""}};

constexpr std::array connect_parameters{
    parameter{"since", place::query, value_type::integer, "", true,
              "First the events after this sequence number, from the durable log, then live ones. Without it live ones "
              "only. Too old: closed with 4410. Beyond the end of the log: closed with 4409",
              "4711"},
    parameter{"token", place::query, value_type::string, "", true,
              "API key, for browsers, which cannot set `authorization`", R"("lode_ab12cd34_...")"}};
constexpr std::array connect_replies{reply_row{101, "Switching Protocols"},
                                     reply_row{403, "Forbidden: the page is of another origin"},
                                     reply_row{426, "Upgrade Required"}};

constexpr std::array table{
    endpoint{verb::get, "/", "process", "Greets", role::none, {}, root_replies, get_root},
    endpoint{verb::get, "/healthz", "process", "Whether the process lives", role::none, {}, alive_replies, get_healthz},
    endpoint{verb::get, "/readyz", "process", "Whether it can serve", role::none, {}, ready_replies, get_readyz},
    endpoint{verb::get, "/connect", "process", "Events as they happen, over a WebSocket", role::read,
             connect_parameters, connect_replies, get_connect},
    endpoint{verb::get,
             "/metrics",
             "process",
             "What is counted and measured, as Prometheus reads it",
             role::read,
             {},
             metrics_replies,
             get_metrics},
};

}  // namespace

std::span<const endpoint> process_endpoints() { return table; }

}  // namespace lode::http
