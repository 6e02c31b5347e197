#include "messages/caf_error.hpp"

#include <caf/atom.hpp>
#include <caf/deep_to_string.hpp>
#include <caf/make_message.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace lode {
namespace {
constexpr auto category = caf::atom("lode");
}

caf::error to_caf(const error& e) {
  return caf::error{static_cast<std::uint8_t>(e.code), category, caf::make_message(e.detail)};
}

error from_caf(const caf::error& e) {
  if (e.category() == category) {
    const auto& ctx = e.context();
    return error{static_cast<errc>(e.code()), ctx.match_elements<std::string>() ? ctx.get_as<std::string>(0) : ""};
  }
  if (e == caf::sec::request_receiver_down) return error{errc::not_ready, "the responsible actor is restarting"};
  if (e == caf::sec::request_timeout) return error{errc::deadline_exceeded, "no answer within the request's deadline"};
  return error{errc::internal, "actor error " + std::to_string(e.code())};
}

void add_error_category(caf::actor_system_config& cfg) {
  cfg.add_error_category(category, [](std::uint8_t code, caf::atom_value, const caf::message& ctx) {
    std::string text{to_string(static_cast<errc>(code))};
    if (ctx.match_elements<std::string>()) text.append(": ").append(ctx.get_as<std::string>(0));
    return text;
  });
}

}  // namespace lode
