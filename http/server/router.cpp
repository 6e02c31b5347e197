#include "http/server/router.hpp"

#include <algorithm>

namespace lode::http {
namespace {

task<response> ready(response r) { co_return r; }

}  // namespace

router::router(error_body on_error) : on_error_(std::move(on_error)) {}

void router::add(verb method, std::string path, handler h) {
  methods& have = routes_[std::move(path)];
  for (auto& [v, existing] : have)
    if (v == method) {
      existing = std::move(h);
      return;
    }
  have.emplace_back(method, std::move(h));
}

void router::set_fallback(handler h) { fallback_ = std::move(h); }

handler router::as_handler(std::shared_ptr<const router> r) {
  return [r = std::move(r)](request& req) { return r->route(req); };
}

task<response> router::route(request& req) const {
  const auto found = routes_.find(std::string_view{req.path});
  if (found == routes_.end()) {
    if (fallback_) return fallback_(req);
    return ready(on_error_(404, "Not Found"));
  }
  const handler* get = nullptr;
  for (const auto& [method, h] : found->second) {
    if (method == req.method) return h(req);
    if (method == verb::get) get = &h;
  }
  if (get != nullptr && req.method == verb::head) return (*get)(req);
  response refused = on_error_(405, "Method Not Allowed");
  refused.headers.emplace_back("allow", allowed(found->second));
  return ready(std::move(refused));
}

std::string router::allowed(const methods& m) {
  std::string out;
  const auto add = [&out](std::string_view name) {
    if (!out.empty()) out.append(", ");
    out.append(name);
  };
  const bool own_head = std::any_of(m.begin(), m.end(), [](const auto& e) { return e.first == verb::head; });
  for (const auto& [method, h] : m) {
    add(to_string(method));
    if (method == verb::get && !own_head) add("HEAD");
  }
  return out;
}

}  // namespace lode::http
