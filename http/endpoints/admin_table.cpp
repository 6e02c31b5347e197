// What operators do: /admin/... and /test/notify.
#include "http/endpoint.hpp"

#include <array>

namespace lode::http {
namespace {

constexpr std::array table{
    endpoint{verb::post, "/test/notify", "admin", "", role::admin, {}, {}, nullptr},
};

}  // namespace

std::span<const endpoint> admin_endpoints() { return table; }

}  // namespace lode::http
