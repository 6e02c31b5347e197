// The process itself: its health, its description, its events.
#include "http/endpoint.hpp"

#include <array>

namespace lode::http {
namespace {

constexpr std::array ready_replies{reply_row{200, "ready"}, reply_row{503, "not ready"}};
constexpr std::array alive_replies{reply_row{200, "alive"}};

constexpr std::array root_replies{reply_row{200, ""}};

constexpr std::array table{
    endpoint{verb::get, "/", "process", "Greets", role::none, {}, root_replies, get_root},
    endpoint{verb::get, "/healthz", "process", "Whether the process lives", role::none, {}, alive_replies, get_healthz},
    endpoint{verb::get, "/readyz", "process", "Whether it can serve", role::none, {}, ready_replies, get_readyz},
    endpoint{verb::get, "/connect", "process", "", role::read, {}, {}, nullptr},
    endpoint{verb::get, "/metrics", "process", "", role::read, {}, {}, nullptr},
    endpoint{verb::get, "/openapi.json", "process", "", role::none, {}, {}, nullptr},
    endpoint{verb::get, "/docs", "process", "", role::none, {}, {}, nullptr},
};

}  // namespace

std::span<const endpoint> process_endpoints() { return table; }

}  // namespace lode::http
