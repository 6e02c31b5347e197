// GET /, /healthz, /readyz

#include "http/endpoint.hpp"
#include "http/replies.hpp"
#include "messages/envelope.hpp"
#include "messages/json.hpp"

#include <fmt/format.h>

namespace lode::http {

task<response> get_root(const endpoint_context& /*c*/, request& /*req*/) {
  co_return response{200,
                     R"({"message":"Welcome to Compute Subnet Allocation API, Please access the API via endpoint."})"};
}

task<response> get_healthz(const endpoint_context& /*c*/, request& /*req*/) { co_return succeeded("alive"); }

task<response> get_readyz(const endpoint_context& c, request& req) {
  // Whoever asks wants to know soon.
  constexpr std::chrono::seconds patience{2};
  const get_readiness message;
  const auto answer = co_await ask(c, message, req.arrived + patience);
  if (!answer) co_return unavailable(error{errc::not_ready, answer.error().to_string()});
  const readiness& now = *answer;
  std::string data = fmt::format(R"({{"store":{},"recovered":{},"miners":{},"allocations":{},"set_aside":)",
                                 now.store_ok, now.recovered, now.miners, now.allocations);
  write_json(data, now.set_aside);
  data.push_back('}');
  if (now.ready) co_return succeeded("ready", data);
  response r{503, failure("not ready", data)};
  r.headers.emplace_back("retry-after", "1");
  co_return r;
}

}  // namespace lode::http
