#pragma once
// What /docs and /ui show in a browser, embedded into the program: pages with their scripts and styles, Swagger UI
// among them. The pages ask nobody but this server.

#include "http/server/message.hpp"

#include <span>
#include <string_view>

namespace lode::http {

struct docs_asset {
  std::string_view path;
  std::string_view content_type;
  std::string_view text;    ///< lives as long as the program
  std::string_view policy;  ///< Content-Security-Policy
};

/// The pages at /docs and /ui themselves.
const docs_asset& docs_page();
const docs_asset& ui_page();
/// What they need, below /docs/ and /ui/.
std::span<const docs_asset> docs_assets();

/// 200 with the asset, under a policy that runs no script but those of this server. The asset must outlive the task.
task<response> serve(const docs_asset& asset);

}  // namespace lode::http
