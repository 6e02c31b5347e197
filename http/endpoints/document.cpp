// GET /openapi.json, /docs

#include "http/docs_assets.hpp"
#include "http/endpoint.hpp"

namespace lode::http {

task<response> get_openapi(const endpoint_context& c, request& /*req*/) {
  co_return response{200, std::string{c.document}};
}

task<response> get_docs(const endpoint_context& /*c*/, request& /*req*/) { return serve(docs_page()); }

}  // namespace lode::http
