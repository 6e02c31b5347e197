#include "http/docs_assets.hpp"

#include <array>

// The bytes of `file` between two symbols. The compiler would take minutes for 2 MB of initialisers.
#define LODE_EMBED(name, file)                                                                                   \
  asm(".pushsection .rodata\n.global lode_" #name "\nlode_" #name ":\n.incbin \"" file "\"\n.global lode_" #name \
      "_end\nlode_" #name "_end:\n.byte 0\n.popsection\n");                                                      \
  extern "C" {                                                                                                   \
  extern const char lode_##name[];                                                                               \
  extern const char lode_##name##_end[];                                                                         \
  }

LODE_EMBED(docs_page, LODE_DOCS "/page.html")
LODE_EMBED(docs_start, LODE_DOCS "/start.js")
LODE_EMBED(docs_css, LODE_SWAGGER "/swagger-ui.css")
LODE_EMBED(docs_bundle, LODE_SWAGGER "/swagger-ui-bundle.js")
LODE_EMBED(ui_page, LODE_UI "/page.html")
LODE_EMBED(ui_style, LODE_UI "/style.css")
LODE_EMBED(ui_app, LODE_UI "/app.js")

namespace lode::http {
namespace {

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

constexpr std::string_view html = "text/html; charset=utf-8";
constexpr std::string_view javascript = "text/javascript; charset=utf-8";
constexpr std::string_view css = "text/css; charset=utf-8";

constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";
// Swagger UI sets styles from its script.
constexpr std::string_view swagger_policy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src "
    "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace

const docs_asset& docs_page() {
  static const docs_asset page{"/docs", html, between(lode_docs_page, lode_docs_page_end), swagger_policy};
  return page;
}

const docs_asset& ui_page() {
  static const docs_asset page{"/ui", html, between(lode_ui_page, lode_ui_page_end), policy};
  return page;
}

std::span<const docs_asset> docs_assets() {
  static const std::array assets{
      docs_asset{"/docs/start.js", javascript, between(lode_docs_start, lode_docs_start_end), policy},
      docs_asset{"/docs/swagger-ui.css", css, between(lode_docs_css, lode_docs_css_end), policy},
      docs_asset{"/docs/swagger-ui-bundle.js", javascript, between(lode_docs_bundle, lode_docs_bundle_end), policy},
      docs_asset{"/ui/style.css", css, between(lode_ui_style, lode_ui_style_end), policy},
      docs_asset{"/ui/app.js", javascript, between(lode_ui_app, lode_ui_app_end), policy}};
  return assets;
}

task<response> serve(const docs_asset& asset) {
  response r{200, std::string{asset.text}};
  r.content_type = asset.content_type;
  r.headers.emplace_back("content-security-policy", asset.policy);
  r.headers.emplace_back("x-content-type-options", "nosniff");
  r.headers.emplace_back("referrer-policy", "no-referrer");
  r.headers.emplace_back("cache-control", "no-cache");
  co_return r;
}

}  // namespace lode::http
