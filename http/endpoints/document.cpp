// GET /openapi.json, /docs, /ui

#include "http/docs_assets.hpp"
#include "http/endpoint.hpp"

namespace lode::http {

task<response> get_openapi(const endpoint_context& c, request& /*req*/) {
  co_return response{200, std::string{c.document}};
}

task<response> get_docs(const endpoint_context& /*c*/, request& /*req*/) { return serve(docs_page()); }

task<response> get_ui(const endpoint_context& /*c*/, request& /*req*/) { return serve(ui_page()); }

}  // namespace lode::http
